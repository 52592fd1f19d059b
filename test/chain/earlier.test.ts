/** What a process that is killed while it sends weights leaves behind, and what the next one makes of it. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Failure } from "../../src/base/error.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import { type EarlierSubmission, fateOfEarlier } from "../../src/chain/earlier.ts";
import { confirmReveal } from "../../src/chain/reveal.ts";
import { type PreparedSubmission, submitWeights } from "../../src/chain/submission.ts";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { connect, NETUID, startChain } from "./fixture.ts";

let node: LocalNode;
let signer: HotkeySigner;
let later: ChainConnection;

async function start(options: Partial<NodeOptions> = {}): Promise<void> {
  // No rate limit: the chain itself would take two vectors in one window.
  ({ node, signer } = await startChain({ blockTimeMs: 60, weightsRateLimit: 0, tempo: 20, ...options }));
  later = await connect(node.endpoint);
}
beforeEach(() => start());
afterEach(async () => {
  await later.close();
  await node.stop();
});

const weights = (value: number) => ({ netuid: NETUID, uids: [1, 2], values: [65_535, value], versionKey: 7 });

/** Sends weights through a connection that is cut at its message of this number, requests and answers counted alike. */
async function killedAt(cut: number): Promise<{ record: PreparedSubmission | undefined; isCut: boolean }> {
  const relay = node.openEndpoint();
  const connection = await connect(relay.endpoint);
  let record: PreparedSubmission | undefined;
  let messages = 0;
  let isCut = false;
  const killed = Promise.withResolvers<void>();
  const count = (): boolean => {
    if (++messages < cut || isCut) return isCut;
    isCut = true;
    // Nothing of what comes after reaches either side, as when the process is gone.
    relay.fault("hang");
    relay.fault("drop");
    killed.resolve();
    return true;
  };
  relay.onRequest = () => void count();
  relay.alter = ({ id, text }) => {
    if (id !== undefined) count();
    return text;
  };
  const before = (prepared: PreparedSubmission): void => {
    record ??= prepared;
  };
  const sending = submitWeights(connection, signer, weights(111), { before }).then(
    () => undefined,
    () => undefined,
  );
  await Promise.race([sending, killed.promise]);
  await connection.close();
  await relay.stop();
  return { record, isCut };
}

const recordOf = (prepared: PreparedSubmission): EarlierSubmission => ({ id: "first", ...prepared });

/** What a run does that finds the record: it looks, and sends its own weights unless the chain has these. */
async function afterRestart(prepared: PreparedSubmission | undefined): Promise<void> {
  const fate =
    prepared && (await fateOfEarlier(later, signer.hotkey, { netuid: NETUID }, [recordOf(prepared)]));
  if (fate?.state === "included") return;
  const nonce = fate?.state === "open" ? (fate.nonce ?? undefined) : undefined;
  try {
    await submitWeights(later, signer, weights(222), { nonce });
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    // The earlier weights wait in the pool, or have just been taken: the next look finds them.
    await later.waitForBlock(later.head() + 2, 10_000);
    const again = await fateOfEarlier(later, signer.hotkey, { netuid: NETUID }, [recordOf(prepared!)]);
    expect(again.state).toBe("included");
  }
}

/** Extrinsics of our hotkey that blocks have taken: its account counts them. */
async function taken(): Promise<number> {
  const account = await later.api.query.system!.account!(signer.hotkey);
  return Number((account as unknown as { nonce: { toString(): string } }).nonce.toString());
}

describe("a process that is killed while it sends weights leaves exactly one vector in the window", () => {
  for (const commitReveal of [false, true])
    test(commitReveal ? "of a commit" : "in the open", async () => {
      let cuts = 0;
      await later.close();
      await node.stop();
      await start({ commitReveal });
      // Not each of the some thirty messages: the suite should stay quick.
      for (let cut = 1; ; cut += commitReveal ? 3 : 2) {
        const before = await taken();
        const { record, isCut } = await killedAt(cut);
        if (!isCut) break;
        cuts++;
        await afterRestart(record);
        await later.waitForBlock(later.head() + 2, 10_000);
        expect({ cut, taken: (await taken()) - before }).toEqual({ cut, taken: 1 });
      }
      expect(cuts).toBeGreaterThan(6);
    }, 60_000);
});

test("a reveal after commit-reveal was switched off is not taken for weights that were never sent", async () => {
  await later.close();
  await node.stop();
  await start({ commitReveal: true, tempo: 60, blockTimeMs: 100 });
  const committed = await submitWeights(later, signer, weights(111));
  if (committed.path !== "timelocked") throw new Error("no commit");
  node.setCommitReveal(false);
  const prepared = { path: "plain", ...weights(222), block: later.head(), nonce: await taken() } as const;
  const revealed = await confirmReveal(later, signer, committed.pending);
  expect(revealed).toBeGreaterThan(prepared.block);
  const fate = () => fateOfEarlier(later, signer.hotkey, { netuid: NETUID }, [{ id: "unsent", ...prepared }]);
  expect(await fate()).toEqual({ state: "open", nonce: prepared.nonce });
  const { block } = await submitWeights(later, signer, weights(222), { nonce: prepared.nonce });
  expect(await fate()).toMatchObject({ state: "included", id: "unsent", block });
}, 60_000);

test("a commit whose block the node in use does not show any more is followed by what another one shows", async () => {
  await later.close();
  await node.stop();
  await start({ commitReveal: true, tempo: 60, blockTimeMs: 100 });
  const record: PreparedSubmission[] = [];
  const sent = await submitWeights(later, signer, weights(111), { before: (made) => record.push(made) });
  if (sent.path !== "timelocked") throw new Error("no commit");
  const of = (await later.api.rpc.chain.getBlockHash(sent.block)).toHex();
  // An endpoint has to show its head to be opened.
  await later.waitForBlock(sent.block + 2, 10_000);
  const relay = node.openEndpoint();
  relay.alter = ({ id, params, text }) =>
    params.includes(of)
      ? JSON.stringify({ jsonrpc: "2.0", id, error: { code: 4003, message: "State already discarded" } })
      : text;
  const fateAt = async (...endpoints: string[]) => {
    const connection = await connect(...endpoints);
    expect(connection.endpoint).toBe(relay.endpoint);
    const fate = await fateOfEarlier(connection, signer.hotkey, { netuid: NETUID }, [recordOf(record[0]!)]);
    await connection.close();
    return fate;
  };
  const { revealBlock, revealRound } = sent.pending;
  const { block } = sent;
  expect(await fateAt(relay.endpoint, node.endpoint)).toMatchObject({
    state: "included",
    block,
    pending: { revealBlock, revealRound },
  });
  expect(await fateAt(relay.endpoint)).toMatchObject({ state: "included", block, pending: undefined });
  await relay.stop();
}, 60_000);
