import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { ApiPromise } from "@polkadot/api";
import { Failure, isFailure } from "../../src/base/error.ts";
import { asUid, type Uid } from "../../src/base/units.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import { sendExtrinsic, subtensorCall } from "../../src/chain/extrinsic.ts";
import { fetchMetagraph, fetchWeights } from "../../src/chain/metagraph.ts";
import type { Weights } from "../../src/chain/precheck.ts";
import { confirmReveal } from "../../src/chain/reveal.ts";
import { type SubmittedWeights, submitWeights } from "../../src/chain/submission.ts";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import { hotkeyOf } from "../../src/wallet/keypair.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { connect, NETUID, neuron, STRANGER, signerOf, startChain, until } from "./fixture.ts";

let node: LocalNode;
let signer: HotkeySigner;
let miner: HotkeySigner;
let connection: ChainConnection;

async function start(options: Partial<NodeOptions> = {}): Promise<void> {
  ({ node, signer, miner } = await startChain(options));
  connection = await connect(node.endpoint);
}

async function stop(): Promise<void> {
  await connection.close();
  await node.stop();
}

const weights = (more: Partial<Weights> = {}): Weights => ({
  netuid: NETUID,
  uids: [0, 1, 2],
  values: [10, 65_535, 500],
  versionKey: 7,
  ...more,
});
const submit = (more: Partial<Weights> = {}, by = signer) => submitWeights(connection, by, weights(more));
const revealed = (sent: SubmittedWeights) => {
  if (sent.path !== "timelocked") throw new Error("commit-reveal is on");
  return confirmReveal(connection, signer, sent.pending);
};
const onChain = (uid = 0) => fetchWeights(connection, NETUID, asUid(uid));
const pairs = (...list: [number, number][]) =>
  list.map(([uid, value]) => [asUid(uid), value] as [Uid, number]);

/** A connection that is lost whenever it is asked this. */
const outOfReach = (whole: ChainConnection, question: string): ChainConnection =>
  new Proxy(whole, {
    get(target, name) {
      if (name === "ask")
        return (what: string, ...rest: [(api: ApiPromise) => Promise<unknown>]) =>
          what === question
            ? Promise.reject(new Failure("chain.unreachable", { message: "gone", retry: "soon" }))
            : target.ask(what, ...rest);
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });

async function failureOf(work: Promise<unknown>): Promise<Failure<string, Record<string, unknown>>> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!isFailure(error)) throw new Error(`expected a Failure, got ${String(error)}`);
  return error as Failure<string, Record<string, unknown>>;
}

describe("plain weights", () => {
  beforeEach(() => start());
  afterEach(stop);

  test("arrive on chain as they were sent and count as our update", async () => {
    const sent = await submit();
    expect(sent.path).toBe("plain");
    expect(sent.extrinsicHash).toMatch(/^0x[0-9a-f]{64}$/);
    expect(await onChain()).toEqual(pairs([0, 10], [1, 65_535], [2, 500]));
    const metagraph = await fetchMetagraph(connection, NETUID);
    expect(metagraph.lastUpdate[0]).toBe(sent.block);
  });

  test("sent again too soon are refused with the blocks that are left, and pass after them", async () => {
    const first = await submit();
    const failure = await failureOf(submit());
    expect(failure.code).toBe("chain.rate-limited");
    expect(failure.retry).toBe("soon");
    const blocksLeft = failure.retryInBlocks!;
    expect(blocksLeft).toBeGreaterThan(0);
    await connection.waitForBlock(connection.head() + blocksLeft, 10_000);
    const second = await submit({ values: [65_535, 1, 1] });
    expect(second.block).toBeGreaterThanOrEqual(first.block + 4);
    expect((await onChain())[0]).toEqual([asUid(0), 65_535]);
  });

  test("sent twice at once are sent one after the other, so that only the first counts", async () => {
    const [first, second] = await Promise.allSettled([submit(), submit({ values: [1, 2, 3] })]);
    expect(first.status).toBe("fulfilled");
    if (second.status !== "rejected" || !isFailure(second.reason)) throw new Error("the second must fail");
    expect(second.reason.code).toBe("chain.rate-limited");
    expect(await onChain()).toEqual(pairs([0, 10], [1, 65_535], [2, 500]));
  });

  test("pass right after an upgrade of the runtime", async () => {
    const spec = node.upgradeRuntime();
    await until(() => connection.specVersion === spec);
    expect((await submit()).path).toBe("plain");
  });

  test("signed for the runtime of before an upgrade are signed anew", async () => {
    // The node counts the upgrade before it tells us: what we sign until then has a bad signature.
    const sent = submit();
    node.upgradeRuntime();
    expect((await sent).path).toBe("plain");
    expect(await onChain()).toHaveLength(3);
  });

  test("switch to the timelocked path when the owner turns it on meanwhile", async () => {
    await submit();
    await connection.waitForBlock(connection.head() + 5, 10_000);
    node.setCommitReveal(true);
    expect((await submit()).path).toBe("timelocked");
  });
});

describe("weights that the chain would refuse", () => {
  beforeAll(() => start({ versionKey: 7n, minAllowedWeights: 2 }));
  afterAll(stop);

  const cases: [string, Partial<Weights>, string, string][] = [
    ["of an older version", { versionKey: 6 }, "chain.version-too-old", "version key 7"],
    ["with a uid twice", { uids: [0, 1, 1] }, "chain.bad-weights", "twice"],
    ["with a uid outside", { uids: [0, 1, 3] }, "chain.bad-weights", "uid 3 does not exist"],
    ["that are too few", { uids: [1], values: [5] }, "chain.bad-weights", "asks for 2"],
    ["with lists of two lengths", { values: [1] }, "chain.bad-weights", "3 uids but 1"],
    ["above u16", { values: [1, 2, 65_536] }, "chain.bad-weights", "0 to 65535"],
    ["that are no integers", { values: [1, 2, 0.5] }, "chain.bad-weights", "0 to 65535"],
    ["that are all zero", { values: [0, 0, 0] }, "chain.bad-weights", "every weight is zero"],
    ["that are none", { uids: [], values: [] }, "chain.bad-weights", "no weights"],
  ];
  for (const [what, more, code, sentence] of cases) {
    test(`${what} are refused before anything is sent`, async () => {
      const failure = await failureOf(submit(more));
      expect(failure.code).toBe(code);
      expect(failure.message).toContain(sentence);
    });
  }

  test("of a hotkey that is not registered are refused, with a next step", async () => {
    const failure = await failureOf(submit({}, await signerOf(77)));
    expect(failure.code).toBe("chain.not-registered");
    expect(failure.hint).toContain("btcli");
    expect(failure.retry).toBe("no");
  });

  test("of a hotkey without a permit are refused, except a single weight for itself", async () => {
    const failure = await failureOf(submit({}, miner));
    expect(failure.code).toBe("chain.no-permit");
    expect(failure.retry).toBe("next-window");
    await submit({ uids: [1], values: [65_535] }, miner);
    expect(await onChain(1)).toEqual(pairs([1, 65_535]));
  });

  test("are refused by name when they reach the chain all the same", async () => {
    const send = (values: number[], uids: number[], versionKey: number) =>
      sendExtrinsic(connection, signer, "set-weights", (api) =>
        subtensorCall(api, ["setWeights", [NETUID, uids, values, versionKey]]),
      );
    expect((await failureOf(send([1, 2], [1, 1], 7))).message).toContain("twice");
    expect((await failureOf(send([1, 2], [1, 9], 7))).message).toContain("does not exist");
    expect((await failureOf(send([1, 2], [1, 2], 6))).code).toBe("chain.version-too-old");
    expect((await failureOf(send([1, 2, 3, 4], [0, 1, 2, 2], 7))).message).toContain(
      "more weights than neurons",
    );
  });

  test("are never signed under the name of another kind", async () => {
    const sent = sendExtrinsic(connection, signer, "serve-axon", (api) =>
      subtensorCall(api, ["setWeights", [NETUID, [1], [1], 7]]),
    );
    expect((await failureOf(sent)).code).toBe("wallet.refused-payload");
  });
});

test("weights below the stake that the chain asks for are refused with both numbers", async () => {
  await start({ stakeThresholdTao: 5000 });
  const failure = await failureOf(submit());
  expect(failure.code).toBe("chain.stake-too-low");
  expect(failure.message).toContain("1000.0 TAO");
  expect(failure.message).toContain("5000");
  await stop();
});

describe("timelocked weights", () => {
  beforeEach(() => start({ commitReveal: true }));
  afterEach(stop);

  test("stay hidden until the epoch and are then the ones that were committed", async () => {
    const sent = await submit();
    if (sent.path !== "timelocked") throw new Error("commit-reveal is on");
    expect(sent.pending.revealBlock).toBeGreaterThan(sent.block);
    expect(sent.pending.revealRound).toBeGreaterThan(0);
    expect(await onChain()).toEqual([]);
    const block = await confirmReveal(connection, signer, sent.pending);
    expect<number>(block).toBeGreaterThanOrEqual(sent.pending.revealBlock);
    expect(await onChain()).toEqual(pairs([0, 10], [1, 65_535], [2, 500]));
  });

  test("that equal the last ones are still seen to be revealed", async () => {
    const first = await revealed(await submit());
    await connection.waitForBlock(connection.head() + 4, 10_000);
    expect<number>(await revealed(await submit())).toBeGreaterThan(first);
  });

  test("of many uids are revealed whole", async () => {
    for (let number = 10; number < 60; number++) node.register(neuron((await signerOf(number)).hotkey));
    await connection.waitForBlock(connection.head() + 2, 10_000);
    const uids = Array.from({ length: 53 }, (_, uid) => uid);
    const values = uids.map((uid) => uid + 1);
    await revealed(await submit({ uids, values: values.with(52, 65_535) }));
    expect(await onChain()).toHaveLength(53);
  });

  test("that the chain drops are reported as missing", async () => {
    const sent = await submit();
    if (sent.path !== "timelocked") throw new Error("commit-reveal is on");
    node.setValidatorPermit(0, false);
    const failure = await failureOf(confirmReveal(connection, signer, sent.pending));
    expect(failure.code).toBe("chain.reveal-missing");
    expect(failure.data!.revealBlock).toBe(sent.pending.revealBlock);
    expect(await onChain()).toEqual([]);
  });

  test("count as committed when the chain goes away right after it took them", async () => {
    const failing = outOfReach(connection, "finding the block of the reveal");
    const sent = await submitWeights(failing, signer, weights());
    expect<number>(await revealed(sent)).toBeGreaterThan(sent.block);
  });

  test("go the plain way when the owner turns commit-reveal off", async () => {
    node.setCommitReveal(false);
    expect((await submit()).path).toBe("plain");
  });

  test("with a round that is out or a wrong version are refused by name", async () => {
    const send = (round: number, version: number) =>
      sendExtrinsic(connection, signer, "commit-weights", (api) =>
        subtensorCall(api, ["commitTimelockedWeights", [NETUID, [1, 2, 3], round, version]]),
      );
    const late = await failureOf(send(1, 4));
    expect(late.code).toBe("chain.clock-wrong");
    expect(late.hint).toContain("clock");
    expect((await failureOf(send(1_000_000_000, 3))).code).toBe("chain.path-changed");
  });
});

describe("a commit through a node that hangs", () => {
  afterEach(stop);
  const BLOCK_SECONDS = 1;

  test("before its reveal is planned is planned from the head of then", async () => {
    await start({ commitReveal: true, blockTimeMs: BLOCK_SECONDS * 1000, tempo: 20 });
    const relay = node.openEndpoint();
    const slow = await connect(relay.endpoint);
    let readings = 0;
    relay.alter = ({ method, text }) => {
      // The last answer of the checks; the epoch passes while they wait for it.
      if (method === "state_queryStorageAt" && ++readings === 2) node.step(25);
      return text;
    };
    const sent = await submitWeights(slow, signer, weights());
    if (sent.path !== "timelocked") throw new Error("commit-reveal is on");
    const beacon = (await slow.api.query.drand!.beaconConfig!()).toJSON() as {
      genesisTime: number;
      period: number;
    };
    const { revealBlock, revealRound } = sent.pending;
    const opensInSeconds = beacon.genesisTime + revealRound! * beacon.period - Date.now() / 1000;
    // Three blocks behind that of the reveal, less what sending took.
    expect(opensInSeconds - (revealBlock - sent.block) * BLOCK_SECONDS).toBeWithin(-1, 5);
    await slow.close();
    await relay.stop();
  }, 30_000);

  test("after its reveal was planned is planned anew", async () => {
    await start({ commitReveal: true });
    const relay = node.openEndpoint();
    const slow = await connect(relay.endpoint);
    let asked = 0;
    relay.alter = ({ method, text }) => (method === "system_accountNextIndex" && ++asked === 1 ? null : text);
    const records: number[] = [];
    const sent = await submitWeights(slow, signer, weights(), { before: ({ nonce }) => records.push(nonce) });
    expect(sent.path).toBe("timelocked");
    // Unheard, asked again, and asked by the second attempt; the first one left no record.
    expect(asked).toBe(3);
    expect(records).toHaveLength(1);
    await slow.close();
    await relay.stop();
  }, 30_000);
});

test("a commit that is larger than the chain takes is refused before it is sent", async () => {
  // 1177 uids are the most that fit into the 5000 bytes of a commit.
  const size = 1178;
  const crowd = Array.from({ length: size - 1 }, (_, index) => {
    const key = new Uint8Array(32).fill(9);
    new DataView(key.buffer).setUint32(0, index);
    return neuron(hotkeyOf(key), { validatorPermit: false, stakeTao: 0 });
  });
  await start({ commitReveal: true, accounts: [neuron((await signerOf(1)).hotkey), ...crowd], tempo: 50 });
  const uids = Array.from({ length: size }, (_, uid) => uid);
  const values = uids.map(() => 65_535);
  const failure = await failureOf(submit({ uids, values }));
  expect(failure.code).toBe("chain.bad-weights");
  expect(failure.message).toContain("takes 5000");
  const sent = await submit({ uids: uids.slice(0, -1), values: values.slice(0, -1) });
  expect(sent.path).toBe("timelocked");
  await stop();
});

describe("a connection that is lost while weights are under way", () => {
  test("does not lose them: they are found on chain and counted once", async () => {
    await start();
    const relay = node.openEndpoint();
    const fragile = await connect(relay.endpoint);
    // The node takes the extrinsic, but we never hear of it.
    relay.onRequest = ({ method }) => {
      if (method !== "author_submitAndWatchExtrinsic") return;
      relay.fault("hang");
      setTimeout(() => {
        relay.heal();
        relay.fault("drop");
      }, 300);
    };
    const sent = await submitWeights(fragile, signer, weights());
    expect(sent.path).toBe("plain");
    const metagraph = await fetchMetagraph(connection, NETUID);
    expect(metagraph.lastUpdate[0]).toBe(sent.block);
    expect(await onChain()).toHaveLength(3);
    await fragile.close();
    await relay.stop();
    await stop();
  });

  test("reports an unknown outcome when they never arrived", async () => {
    await start();
    const relay = node.openEndpoint();
    const fragile = await connect(relay.endpoint);
    relay.onRequest = ({ method }) => {
      // Cut before the node sees the request.
      if (method === "author_submitAndWatchExtrinsic") relay.fault("drop");
    };
    const failure = await failureOf(submitWeights(fragile, signer, weights()));
    expect(failure.code).toBe("chain.outcome-unknown");
    expect(failure.retry).toBe("soon");
    expect(await onChain()).toEqual([]);
    await fragile.close();
    await relay.stop();
    await stop();
  });
});

test("weights of which nothing was heard are not called refused because an outage follows", async () => {
  await start();
  const relay = node.openEndpoint();
  const fragile = await connect(relay.endpoint);
  relay.onRequest = ({ method }) => {
    if (method === "author_submitAndWatchExtrinsic") relay.fault("drop");
  };
  const failing = outOfReach(fragile, "looking for the weights on chain");
  const failure = await failureOf(submitWeights(failing, signer, weights()));
  expect(failure.code).toBe("chain.outcome-unknown");
  await fragile.close();
  await relay.stop();
  await stop();
});

test("a hotkey that was replaced is told that its uid belongs to another", async () => {
  await start();
  node.replaceNeuron(0, neuron(STRANGER));
  await connection.waitForBlock(connection.head() + 1, 10_000);
  expect((await failureOf(submit())).code).toBe("chain.not-registered");
  await stop();
});
