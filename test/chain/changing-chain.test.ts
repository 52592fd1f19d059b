import { afterEach, expect, test } from "bun:test";
import { type Failure, isFailure } from "../../src/base/error.ts";
import { asUid } from "../../src/base/units.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import { sendExtrinsic, subtensorCall } from "../../src/chain/extrinsic.ts";
import { fetchWeights } from "../../src/chain/metagraph.ts";
import { submitWeights } from "../../src/chain/submission.ts";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import { askLocalnet } from "../../src/localnet/remote.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { connect, NETUID, signerOf, startChain } from "./fixture.ts";

let node: LocalNode;
let signer: HotkeySigner;
let connection: ChainConnection;

async function start(options: Partial<NodeOptions> = {}): Promise<void> {
  ({ node, signer } = await startChain({ weightsRateLimit: 0, ...options }));
  connection = await connect(node.endpoint);
}
afterEach(async () => {
  await connection.close();
  await node.stop();
});

const submit = (more: { mecid?: number; versionKey?: number } = {}) =>
  submitWeights(connection, signer, {
    netuid: NETUID,
    uids: [1, 2],
    values: [65_535, 7],
    versionKey: 7,
    ...more,
  });
const rowLength = async () => (await fetchWeights(connection, NETUID, asUid(0))).length;
/** As the subnet's owner, seen from the next block on. */
async function set(...words: (string | number)[]): Promise<void> {
  await askLocalnet(node.endpoint, "localnet_set", ...words);
  await connection.waitForBlock(connection.head() + 2, 10_000);
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!isFailure(error)) throw new Error(`expected a Failure, got ${String(error)}`);
  return error;
}

test("a filter of the newer call, as in safe mode, lets weights go by set_weights", async () => {
  await start();
  node.first.fault("set_mechanism_weights:CallFiltered");
  expect((await submit()).path).toBe("plain");
  expect(await rowLength()).toBe(2);
});

test("a filter of the newer commit lets it go by the older one", async () => {
  await start({ commitReveal: true });
  node.first.fault("commit_timelocked_mechanism_weights:CallFiltered");
  expect((await submit()).path).toBe("timelocked");
});

test("a filter of both is told, and waited out until the next window", async () => {
  await start({ mechanisms: 2 });
  node.first.fault("set_mechanism_weights:CallFiltered");
  // The older call knows the first mechanism alone.
  const second = await failureOf(submit({ mecid: 1 }));
  node.first.fault("set_weights:CallFiltered");
  for (const failure of [second, await failureOf(submit())])
    expect([failure.code, failure.retry, failure.message]).toEqual([
      "chain.path-changed",
      "next-window",
      "the chain does not take this call at present (safe mode, or a filter)",
    ]);
  node.first.heal();
  expect((await submit()).path).toBe("plain");
});

test("a version of commit-reveal that is not ours is not guessed at", async () => {
  await start({ commitReveal: true });
  await set("commit-version", 5);
  const failure = await failureOf(submit());
  expect([failure.code, failure.retry, failure.message, failure.hint]).toEqual([
    "chain.version-too-old",
    "next-window",
    "the chain asks for version 5 of commit-reveal, and this program knows version 4",
    "Update openvalidator.",
  ]);
  await set("commit-version", 4);
  expect((await submit()).path).toBe("timelocked");
});

test("a version of commit-reveal that changed under the commit is read again", async () => {
  await start({ commitReveal: true });
  node.first.fault("commit_timelocked_weights:IncorrectCommitRevealVersion:1");
  expect((await submit()).path).toBe("timelocked");
});

test("a version key of 0 asks for nothing, and every other for as much at least", async () => {
  await start();
  expect((await submit({ versionKey: 0 })).path).toBe("plain");
  await set("version-key", 7);
  expect((await submit({ versionKey: 7 })).path).toBe("plain");
  expect((await submit({ versionKey: 8 })).path).toBe("plain");
  const failure = await failureOf(submit({ versionKey: 6 }));
  expect([failure.code, failure.message]).toEqual([
    "chain.version-too-old",
    "the subnet asks for version key 7 of weights, ours is 6",
  ]);
});

test("a subnet without consensus grants no exemption to weights for oneself, and says so before anything is sent", async () => {
  await start();
  const miner = await signerOf(2);
  const own = { netuid: NETUID, uids: [1], values: [65_535], versionKey: 7 };
  await set("consensus", "Null");
  let signed = 0;
  const failure = await failureOf(submitWeights(connection, miner, own, { before: () => signed++ }));
  expect([failure.code, failure.retry, signed]).toEqual(["chain.no-permit", "next-window", 0]);
  const sent = sendExtrinsic(connection, miner, "set-weights", (api) =>
    subtensorCall(api, ["setWeights", [NETUID, own.uids, own.values, own.versionKey]]),
  );
  expect((await failureOf(sent)).code).toBe("chain.no-permit");
  await set("consensus", "Yuma");
  expect((await submitWeights(connection, miner, own)).path).toBe("plain");
});

test("weights that another process of this hotkey has just set count for the rate limit, at the pool as well", async () => {
  await start();
  // The chain was level when the weights were checked, and not any more when the pool saw them.
  node.first.fault("set_weights:SettingWeightsTooFast:pool:1");
  const failure = await failureOf(submit());
  expect([failure.code, failure.retry, failure.message]).toEqual([
    "chain.rate-limited",
    "soon",
    "the last weights were set too recently",
  ]);
});
