import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { isFailure } from "../../src/base/error.ts";
import { asUid, type Hotkey } from "../../src/base/units.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import { submitWeights } from "../../src/chain/submission.ts";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import type { PreparedWeights, WeightsOrder } from "../../src/validator/ports.ts";
import { Subtensor } from "../../src/validator/subtensor.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { seedScores } from "../../src/weights/evidence.ts";
import { PLAIN_POLICY } from "../../src/weights/shape.ts";
import { capturedLog } from "../captured-log.ts";
import { connect, NETUID, neuron, STRANGER, signerOf, startChain } from "../chain/fixture.ts";

const lines = capturedLog("warn");
let node: LocalNode;
let signer: HotkeySigner;
let connection: ChainConnection;
let chain: Subtensor;
/** What the chain takes for the time differs by this from this machine's. */
let skewMs = 0;

async function start(options: Partial<NodeOptions> = {}): Promise<void> {
  ({ node, signer } = await startChain({ nowMs: () => Date.now() + skewMs, ...options }));
  connection = await connect(node.endpoint);
  chain = new Subtensor(connection, signer, NETUID, 7);
}
beforeEach(() => {
  skewMs = 0;
});
afterEach(async () => {
  await connection.close();
  await node.stop();
});

/** Scores by hotkey, as the validator keeps them. */
const orderOf = (scores: Map<Hotkey, number>, more: Partial<WeightsOrder> = {}): WeightsOrder => ({
  mecid: 0,
  scoresFor: (holders) => Float32Array.from(holders, ({ hotkey }) => scores.get(hotkey) ?? 0),
  before() {},
  signal: new AbortController().signal,
  ...more,
});
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "ok",
    (error: unknown) => (isFailure(error) ? error.code : String(error)),
  );

describe("weights", () => {
  test("of a uid that changed hands since the metagraph was read go to nobody", async () => {
    await start();
    const before = await chain.fetchSubnet();
    const scores = new Map(before.neurons.map(({ hotkey, uid }) => [hotkey, uid === 0 ? 0 : uid]));
    node.replaceNeuron(2, neuron(STRANGER, { validatorPermit: false }));
    const head = connection.head();
    await connection.waitForBlock(head + 2, 10_000);
    const sent = await chain.sendWeights(orderOf(scores));
    expect([sent.uids, sent.values]).toEqual([[1], [65_535]]);
    expect(await chain.readOwnWeights(0)).toEqual([[asUid(1), 65_535]]);
  });

  test("follow a hotkey that holds another uid now", async () => {
    await start();
    const { neurons } = await chain.fetchSubnet();
    const [moved, other] = [neurons[1]!.hotkey, neurons[2]!.hotkey];
    node.replaceNeuron(1, neuron(STRANGER, { validatorPermit: false }));
    node.replaceNeuron(2, neuron(moved, { validatorPermit: false }));
    await connection.waitForBlock(connection.head() + 2, 10_000);
    const sent = await chain.sendWeights(
      orderOf(
        new Map([
          [moved, 1],
          [other, 0.5],
        ]),
      ),
    );
    expect([sent.uids, sent.values]).toEqual([[2], [65_535]]);
  });

  test("of scores that are all 0 are not sent, rather than paid to all alike", async () => {
    await start();
    expect(await codeOf(chain.sendWeights(orderOf(new Map())))).toBe("chain.bad-weights");
    expect(await chain.readOwnWeights(0)).toEqual([]);
  });

  test("are written down before they are signed; what that throws keeps them back", async () => {
    await start({ commitReveal: true });
    const { neurons } = await chain.fetchSubnet();
    const scores = new Map([[neurons[1]!.hotkey, 1]]);
    const refusal = () => {
      throw new Error("no place to write");
    };
    expect(await codeOf(chain.sendWeights(orderOf(scores, { before: refusal })))).toContain("no place");
    const seen: PreparedWeights[] = [];
    const sent = await chain.sendWeights(orderOf(scores, { before: (prepared) => seen.push(prepared) }));
    expect(seen).toEqual([
      { path: "timelocked", block: expect.any(Number), uids: [1], values: [65_535], nonce: 0 },
    ]);
    expect<number>(seen[0]!.block).toBeLessThan(sent.block);
    expect(sent.pending).toMatchObject({ uid: 0, uids: [1], revealRound: sent.revealRound });
    const block = await chain.followReveal(sent.pending!, new AbortController().signal);
    expect<number>(block).toBeGreaterThanOrEqual(sent.pending!.revealBlock);
  });

  test("without the burn that was asked for, because the owner has no uid, are told as that once", async () => {
    await start({ weightsRateLimit: 0 });
    const { neurons } = await chain.fetchSubnet();
    const scores = new Map([[neurons[1]!.hotkey, 1]]);
    const burn = { share: 1, uid: undefined };
    chain = new Subtensor(connection, signer, NETUID, 7, { ...PLAIN_POLICY, burn });
    for (const _ of [1, 2]) expect((await chain.sendWeights(orderOf(scores))).uids).toEqual([1]);
    const told = lines.filter((line) => line.includes("without the burn"));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("the subnet's owner has no uid");
  });

  test("are not sent after a stop, wherever it comes", async () => {
    await start();
    const { neurons } = await chain.fetchSubnet();
    const scores = new Map([[neurons[1]!.hotkey, 1]]);
    const early = orderOf(scores, { signal: AbortSignal.abort() });
    expect(await codeOf(chain.sendWeights(early))).toBe("deadline.aborted");
    const stop = new AbortController();
    const late = orderOf(scores, { signal: stop.signal, before: () => stop.abort() });
    expect(await codeOf(chain.sendWeights(late))).toBe("deadline.aborted");
    await connection.waitForBlock(connection.head() + 2, 10_000);
    expect(await chain.readOwnWeights(0)).toEqual([]);
  });
});

describe("what miners earned of the own weights", () => {
  const row = (uids: number[], values: number[]) => ({ netuid: NETUID, uids, values, versionKey: 7 });

  test("is nothing for who registered after they were set: they were for the holder before", async () => {
    await start();
    await submitWeights(connection, signer, row([1, 2], [65_535, 13_107]));
    expect([...(await chain.readEarnedWeights(0))]).toEqual([
      0,
      expect.closeTo(5 / 6),
      expect.closeTo(1 / 6),
    ]);
    node.replaceNeuron(1, neuron(STRANGER, { validatorPermit: false }));
    await connection.waitForBlock(connection.head() + 2, 10_000);
    expect([...(await chain.readEarnedWeights(0))]).toEqual([0, 0, 1]);
  });

  test("is without what was burnt, which would leave next to nothing of everybody's score to begin with", async () => {
    await start();
    const burn = { ...PLAIN_POLICY, burn: { share: 0.9, uid: 0 } };
    chain = new Subtensor(connection, signer, NETUID, 7, burn);
    const scores = new Map((await chain.fetchSubnet()).neurons.map(({ hotkey, uid }) => [hotkey, uid]));
    const sent = await chain.sendWeights(orderOf(scores));
    expect(sent.values[0]).toBe(65_535);
    const [burnt, ...earned] = await chain.readEarnedWeights(0);
    expect(burnt).toBeCloseTo(0, 4);
    expect(earned[1]! / earned[0]!).toBeCloseTo(2, 2);
    expect(Math.max(...seedScores(Float32Array.of(burnt!, ...earned), 3))).toBe(0.5);
  });
});

describe("the subnet", () => {
  test("says since when a neuron is registered, and what time the chain has", async () => {
    await start();
    const first = await chain.fetchSubnet();
    expect(Math.abs(Date.now() - first.chainTimeMs)).toBeLessThan(5_000);
    node.replaceNeuron(2, neuron(STRANGER));
    await connection.waitForBlock(connection.head() + 2, 10_000);
    const second = await chain.fetchSubnet();
    expect<number>(second.neurons[2]!.registeredAt).toBeGreaterThan(first.neurons[2]!.registeredAt);
    expect(second.neurons[1]!.registeredAt).toBe(first.neurons[1]!.registeredAt);
    // One hour behind the chain, as after a clock that was set wrong.
    skewMs = 3_600_000;
    await connection.waitForBlock(connection.head() + 2, 10_000);
    const third = await chain.fetchSubnet();
    expect(Math.abs(Date.now() + skewMs - third.chainTimeMs)).toBeLessThan(5_000);
  });

  test("without this hotkey says so, by a code that ends the run", async () => {
    await start();
    node.replaceNeuron(0, neuron(STRANGER));
    await connection.waitForBlock(connection.head() + 2, 10_000);
    expect(await codeOf(chain.fetchSubnet())).toBe("chain.not-registered");
    expect(await codeOf(new Subtensor(connection, await signerOf(77), NETUID, 7).fetchSubnet())).toBe(
      "chain.not-registered",
    );
  });
});
