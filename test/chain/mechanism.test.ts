import { afterEach, expect, test } from "bun:test";
import { isFailure } from "../../src/base/error.ts";
import { asUid } from "../../src/base/units.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import { fateOfEarlier } from "../../src/chain/earlier.ts";
import { fetchWeights } from "../../src/chain/metagraph.ts";
import { confirmReveal } from "../../src/chain/reveal.ts";
import { submitWeights } from "../../src/chain/submission.ts";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import { askLocalnet } from "../../src/localnet/remote.ts";
import { Subtensor } from "../../src/validator/subtensor.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { connect, NETUID, signerOf, startChain } from "./fixture.ts";

let node: LocalNode;
let signer: HotkeySigner;
let connection: ChainConnection;

async function start(options: Partial<NodeOptions> = {}): Promise<void> {
  ({ node, signer } = await startChain({ mechanisms: 2, weightsRateLimit: 50, ...options }));
  connection = await connect(node.endpoint);
}
afterEach(async () => {
  await connection.close();
  await node.stop();
});

const WEIGHTS = { netuid: NETUID, uids: [1, 2], values: [65_535, 7], versionKey: 7 };
const submit = (mecid: number) => submitWeights(connection, signer, { ...WEIGHTS, mecid });
const onChain = (mecid: number) => fetchWeights(connection, NETUID, asUid(0), mecid);
const ROW = [
  [asUid(1), 65_535],
  [asUid(2), 7],
] as Awaited<ReturnType<typeof onChain>>;

async function failureOf(work: Promise<unknown>) {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!isFailure(error)) throw new Error(`expected a Failure, got ${String(error)}`);
  return error;
}

test("weights go to the mechanism that was chosen, whose rate limit alone counts", async () => {
  await start();
  const { block } = await submit(1);
  expect(await onChain(1)).toEqual(ROW);
  expect(await onChain(0)).toEqual([]);
  expect((await failureOf(submit(1))).message).toContain(`set in block ${block}`);
  await submit(0);
  expect(await onChain(0)).toEqual(ROW);
});

test("a commit is revealed in its mechanism and followed there", async () => {
  await start({ commitReveal: true });
  const sent = await submit(1);
  if (sent.path !== "timelocked") throw new Error("commit-reveal is on");
  const earlier = [{ id: "a", block: sent.block - 1, path: sent.path, ...WEIGHTS, nonce: 0 }];
  const fate = (mecid: number) =>
    fateOfEarlier(connection, signer.hotkey, { netuid: NETUID, mecid }, earlier);
  expect(await fate(1)).toMatchObject({
    state: "included",
    block: sent.block,
    pending: { mecid: 1, revealRound: sent.pending.revealRound },
  });
  expect(await fate(0)).toEqual({ state: "gone" });
  await confirmReveal(connection, signer, sent.pending);
  expect(await onChain(1)).toEqual(ROW);
  expect(await onChain(0)).toEqual([]);
});

test("a mechanism that the subnet does not have is refused before anything is signed", async () => {
  await start();
  const failure = await failureOf(submit(2));
  expect([failure.code, failure.message]).toEqual([
    "chain.unknown-mechanism",
    "subnet 1 has no mechanism 2: it has 2, counted from 0",
  ]);
});

test("a validator knows of each chosen mechanism its share of the emission and its own last update", async () => {
  await start();
  await askLocalnet(node.endpoint, "localnet_set", "mechanisms", 2, 80, 20);
  const { block } = await submit(1);
  const { mechanisms } = await new Subtensor(
    connection,
    signer,
    NETUID,
    7,
    undefined,
    [1, 0, 5],
  ).fetchSubnet();
  expect(mechanisms).toEqual([
    { mecid: 1, of: 2, share: expect.closeTo(0.2, 3), ownLastUpdate: block },
    { mecid: 0, of: 2, share: expect.closeTo(0.8, 3), ownLastUpdate: 0 },
    { mecid: 5, of: 2, share: undefined, ownLastUpdate: 0 },
  ]);
});

test("the seed of scores is the row of the first mechanism that was chosen", async () => {
  await start();
  await submit(1);
  const chain = new Subtensor(connection, await signerOf(1), NETUID, 7, undefined, [1]);
  expect(await chain.readOwnWeights(1)).toEqual(ROW);
  expect(await chain.readOwnWeights(0)).toEqual([]);
});
