import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { isFailure } from "../../src/base/error.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import { confirmReveal, type PendingReveal } from "../../src/chain/reveal.ts";
import { submitWeights } from "../../src/chain/submission.ts";
import type { Alteration } from "../../src/localnet/node/endpoint-faults.ts";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { connect, NETUID, startChain } from "./fixture.ts";

let node: LocalNode;
let signer: HotkeySigner;
let connection: ChainConnection;
beforeEach(async () => {
  ({ node, signer } = await startChain({ commitReveal: true }));
  connection = await connect(node.endpoint);
});
afterEach(async () => {
  await connection.close();
  await node.stop();
});

/** A commit as it comes back from the state after a restart: through JSON. */
async function commit(): Promise<PendingReveal> {
  return (await committed()).pending;
}

async function committed(): Promise<{ pending: PendingReveal; block: number }> {
  const weights = { netuid: NETUID, uids: [0, 1, 2], values: [10, 65_535, 500], versionKey: 7 };
  const sent = await submitWeights(connection, signer, weights);
  if (sent.path !== "timelocked") throw new Error("commit-reveal is on");
  return { pending: JSON.parse(JSON.stringify(sent.pending)) as PendingReveal, block: sent.block };
}

/** New heads go on, but no storage is shown. */
const refusingReads =
  (message: string): Alteration =>
  ({ id, text }) =>
    text.includes('"changes"')
      ? JSON.stringify({ jsonrpc: "2.0", id, error: { code: 4003, message } })
      : text;

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    (block) => `revealed in ${block}`,
    (error: unknown) => (isFailure(error) ? error.code : String(error)),
  );

describe("a commit of an earlier run", () => {
  test("is found revealed in a block that has passed", async () => {
    const pending = await commit();
    const block = await confirmReveal(connection, signer, pending);
    await connection.waitForBlock(pending.revealBlock + 15, 30_000);
    const later = await connect(node.endpoint);
    expect(await codeOf(confirmReveal(later, signer, pending))).toBe(`revealed in ${block}`);
    await later.close();
  });

  test("that the chain dropped is missing, also long after", async () => {
    const pending = await commit();
    node.setValidatorPermit(0, false);
    await connection.waitForBlock(pending.revealBlock + 15, 30_000);
    expect(await codeOf(confirmReveal(connection, signer, pending))).toBe("chain.reveal-missing");
  });
});

test("an outage around the reveal gives no verdict; after it the passed blocks are read", async () => {
  const relay = node.openEndpoint();
  const fragile = await connect(relay.endpoint);
  const pending = await commit();
  relay.fault("hang");
  relay.fault("drop");
  const followed = codeOf(confirmReveal(fragile, signer, pending, undefined, 200));
  await connection.waitForBlock(pending.revealBlock + 12, 30_000);
  relay.heal();
  relay.fault("drop");
  expect(await followed).toStartWith("revealed in");
  await fragile.close();
  await relay.stop();
});

test("a node that refuses to read while the reveal comes is asked again afterwards", async () => {
  const pending = await commit();
  const relay = node.openEndpoint();
  const limited = await connect(relay.endpoint);
  relay.alter = refusingReads("Rate limit exceeded");
  const followed = codeOf(confirmReveal(limited, signer, pending));
  await connection.waitForBlock(pending.revealBlock + 6, 30_000);
  relay.heal();
  expect(await followed).toStartWith("revealed in");
  await limited.close();
  await relay.stop();
});

test("a reveal that comes later than the schedule said is waited for while the chain holds the commit", async () => {
  await connection.waitForBlock(10, 30_000);
  const { pending, block } = await committed();
  // As if the owner had made the tempo longer since: the ten blocks of grace end in the block that took the commit.
  const early = { ...pending, revealBlock: block - 10 };
  expect(await codeOf(confirmReveal(connection, signer, early))).toStartWith("revealed in");
});

test("blocks that a node does not show any more leave the reveal unknown, not missing", async () => {
  const pending = await commit();
  const relay = node.openEndpoint();
  const pruned = await connect(relay.endpoint);
  relay.alter = refusingReads("State already discarded");
  expect(await codeOf(confirmReveal(pruned, signer, pending))).toBe("chain.reveal-unknown");
  await pruned.close();
  await relay.stop();
}, 60_000);

describe("what the node in use does not show any more", () => {
  const DISCARDED = "State already discarded";
  /** The key of System.Events. */
  const EVENTS = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";

  test("is read from another one: blocks of the reveal", async () => {
    const pending = await commit();
    const relay = node.openEndpoint();
    const pruned = await connect(relay.endpoint, node.endpoint);
    relay.alter = refusingReads(DISCARDED);
    expect(await codeOf(confirmReveal(pruned, signer, pending))).toStartWith("revealed in");
    // Nodes are expected not to keep all.
    expect(pruned.endpoint).toBe(relay.endpoint);
    await pruned.close();
    await relay.stop();
  }, 60_000);

  /** As if the owner had made the tempo longer since, and the node showed blocks, but not what they hold of commits. */
  const withoutCommits = async (...others: string[]): Promise<string> => {
    await connection.waitForBlock(10, 30_000);
    const { pending, block } = await committed();
    const relay = node.openEndpoint();
    const pruned = await connect(relay.endpoint, ...others);
    relay.alter = (message) =>
      message.method === "state_queryStorageAt" && !JSON.stringify(message.params).includes(EVENTS)
        ? refusingReads(DISCARDED)(message)
        : message.text;
    const code = await codeOf(confirmReveal(pruned, signer, { ...pending, revealBlock: block - 10 }));
    await pruned.close();
    await relay.stop();
    return code;
  };

  test("is read from another one: whether the commit is held, and it is followed", async () => {
    expect(await withoutCommits(node.endpoint)).toStartWith("revealed in");
  }, 60_000);

  test("leaves the reveal unknown where there is no other, though every block was read", async () => {
    expect(await withoutCommits()).toBe("chain.reveal-unknown");
  }, 60_000);
});

test("following ends with the signal, and with the connection", async () => {
  const pending = { ...(await commit()), revealBlock: 1_000_000 };
  const stop = new AbortController();
  const stopped = codeOf(confirmReveal(connection, signer, pending, stop.signal));
  const other = await connect(node.endpoint);
  const closed = codeOf(confirmReveal(other, signer, pending));
  stop.abort();
  await other.close();
  expect(await stopped).toBe("deadline.aborted");
  expect(await closed).toBe("chain.closed");
});
