import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { asBlock } from "../../src/base/units.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import { fetchMetagraph } from "../../src/chain/metagraph.ts";
import { confirmReveal } from "../../src/chain/reveal.ts";
import { submitWeights } from "../../src/chain/submission.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import type { GenesisNeuron, LocalNode } from "../../src/localnet/node/node.ts";
import { paceSettings } from "../../src/validator/settings.ts";
import { StateDatabase } from "../../src/validator/state/database.ts";
import { reportState } from "../../src/validator/state/report.ts";
import { reportWeights } from "../../src/validator/weights-report.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { PLAIN_POLICY } from "../../src/weights/shape.ts";
import { connect, NETUID, neuron, signerOf, startChain } from "../chain/fixture.ts";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const folder = scratchFolders("weights-cli");
let node: LocalNode;
let signer: HotkeySigner;
let connection: ChainConnection;
let accounts: GenesisNeuron[];
beforeAll(async () => {
  const miners = await Promise.all([2, 3].map(signerOf));
  signer = await signerOf(1);
  const axon = { ip: 2_130_706_433n, port: 9000, ipType: 4, version: 1, protocol: 4 };
  accounts = [
    neuron(signer.hotkey),
    ...miners.map(({ hotkey }) => neuron(hotkey, { validatorPermit: false, stakeTao: 0, axon })),
  ];
  ({ node } = await startChain({ weightsRateLimit: 0, accounts }));
  connection = await connect(node.endpoint);
});
afterAll(async () => {
  await connection.close();
  await node.stop();
});

/** A state with these scores of uids 0, 1 and 2, and the command line that reads it. */
async function place(scores: number[], wallet: string, on = connection) {
  const logs = folder();
  const { hotkeys, blockAtRegistration } = await fetchMetagraph(on, NETUID);
  const directory = join(logs, wallet, "default", "netuid1", "core_prompting_validator");
  const identity = { genesis: on.genesisHash, netuid: 1, hotkey: signer.hotkey };
  const state = StateDatabase.open(directory, identity);
  state.commit({
    steps: 9,
    evidence: { countedSteps: 9, blocks: 50 },
    scores: {
      neurons: hotkeys.map((hotkey, uid) => ({ hotkey, registeredAt: asBlock(blockAtRegistration[uid]!) })),
      scores: Float32Array.from(scores),
      asked: Uint32Array.of(0, 3, 3),
    },
  });
  let columns: number | undefined;
  const at = (endpoint: string, ...more: string[]) =>
    captured(
      [
        ...["weights", "show", "--subtensor.chain_endpoint", endpoint],
        ...["--logging.logging_dir", logs, "--wallet.name", wallet, ...more],
      ],
      columns === undefined ? {} : { COLUMNS: String(columns) },
    );
  const narrow = async (width: number, ...more: string[]) => {
    columns = width;
    const { stdout } = await at(node.endpoint, ...more);
    columns = undefined;
    return stdout;
  };
  const show = (...more: string[]) => at(node.endpoint, ...more);
  return { state, directory, show, at, narrow };
}

test("weights show sets what is on chain beside what would be set now, and tells who set it", async () => {
  const { state, show, narrow } = await place([0, 0.2, 0.6], "shown");
  const weights = { netuid: NETUID, uids: [1, 2], values: [65_535, 65_535], versionKey: 7 };
  const { block } = await submitWeights(connection, signer, weights);
  state.recordSubmission({
    id: "a",
    block: block - 1,
    path: "plain",
    uids: [1, 2],
    values: [65_535, 65_535],
  });
  state.settleSubmission("a", { state: "included", block });
  const { stdout, exitCode } = await show();
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`2 weights; last update in block ${block} by this validator`);
  expect(stdout).toContain("2 weights would be set; 25.00 % of all weight would change hands");
  expect(stdout).toContain("Rules      none: weights are in proportion to the scores");
  expect(stdout).toMatch(/2 +5\w+ +50\.00 % +75\.00 % +\+25\.00 %/);
  expect(stdout).toMatch(/window +path +outcome +weights\n.*\n +\d+ +in the open +included +2/);
  for (const columns of [60, 80, 100]) {
    const screen = await narrow(columns, "--weights.burn", "0.5:0", "--weights.deny", "5".repeat(48));
    expect(screen.split("\n").filter((line) => line.length > columns)).toEqual([]);
  }

  const early = (await show("--weights.before_epoch", "3")).stdout;
  expect(early).toMatch(
    /Epoch +the next in block \d+; weights are set 3 blocks before, (?:from|since) block \d+ on/,
  );

  const burnt = await show("--weights.burn", "0.5:0", "--json");
  expect(JSON.parse(burnt.stdout)).toMatchObject({
    hotkey: signer.hotkey,
    mechanisms: [
      {
        mecid: 0,
        share: 1,
        set_by: "ours",
        rules: ["burn: 50 % goes to uid 0"],
        weights: [{ uid: 0 }, { uid: 2 }, { uid: 1 }],
        windows: [{ id: "a", state: "included" }],
      },
    ],
  });

  const foreign = await submitWeights(connection, signer, weights);
  expect((await show()).stdout).toContain(
    `last update in block ${foreign.block} by SOMEBODY ELSE with this hotkey`,
  );
  state.close();
});

test("weights show tells a reveal after commit-reveal was switched off as this validator's", async () => {
  const locked = await startChain({
    commitReveal: true,
    tempo: 60,
    blockTimeMs: 100,
    weightsRateLimit: 0,
    accounts,
  });
  const there = await connect(locked.node.endpoint);
  const { state, at } = await place([0, 0.2, 0.6], "reveal", there);
  const weights = { netuid: NETUID, uids: [1, 2], values: [65_535, 500], versionKey: 7 };
  const sent = await submitWeights(there, signer, weights);
  if (sent.path !== "timelocked") throw new Error("no commit");
  const { uids, values, block } = sent;
  state.recordSubmission({ id: "r", block: block - 1, path: "timelocked", uids, values });
  state.settleSubmission("r", { state: "included", block });
  locked.node.setCommitReveal(false);
  const revealed = await confirmReveal(there, signer, sent.pending);
  expect(revealed).toBeGreaterThan(block);
  expect((await at(locked.node.endpoint)).stdout).toContain(
    `last update in block ${revealed} by this validator`,
  );
  state.close();
  await there.close();
  await locked.node.stop();
}, 60_000);

test("weights show tells of each mechanism by itself, and refuses one that the subnet does not have", async () => {
  const both = await startChain({ mechanisms: 2, accounts });
  const there = await connect(both.node.endpoint);
  const { state, at } = await place([0, 0.2, 0.6], "mechanisms", there);
  const weights = { netuid: NETUID, mecid: 1, uids: [1], values: [65_535], versionKey: 7 };
  const { block } = await submitWeights(there, signer, weights);
  state.recordSubmission({ id: "m", mecid: 1, block: block - 1, path: "plain", uids: [1], values: [65_535] });
  state.settleSubmission("m", { state: "included", block });
  const { stdout } = await at(both.node.endpoint, "--neuron.mecid", "1,0");
  const [, second, first] = stdout.split("Mechanism  ");
  expect(second).toStartWith("1 of 2, 50 % of the subnet's emission\n");
  expect(second).toContain(`1 weight; last update in block ${block} by this validator`);
  expect(second).toMatch(/window +path +outcome/);
  expect(first).toStartWith("0 of 2, 50 % of the subnet's emission\n");
  expect(first).toContain("0 weights; last update in block 0 by nobody since this hotkey registered");
  expect(first).toContain("This validator has sent no weights yet.");
  const { exitCode, stderr } = await at(both.node.endpoint, "--neuron.mecid", "2");
  expect([exitCode, stderr]).toEqual([78, expect.stringContaining("has no mechanism 2: it has 2")]);
  state.close();
  await there.close();
  await both.node.stop();
});

test("weights show reads the subnet once, and two answers more for each mechanism", async () => {
  const asked = async (mechanisms: number) => {
    const many = await startChain({ mechanisms, accounts });
    const there = await connect(many.node.endpoint);
    const mecids = Array.from({ length: mechanisms }, (_, mecid) => mecid);
    const { state, directory } = await place([0, 0.2, 0.6], `requests-${mechanisms}`, there);
    const before = there.requests;
    const { mechanisms: told } = await reportWeights(there, reportState(directory), {
      policy: { ...PLAIN_POLICY, burn: { share: 0.5, uid: 0 }, smoothing: 0.5 },
      settings: paceSettings(loadConfiguration(OPTIONS, { flags: {}, environment: {} }).settings),
      mecids,
      beforeEpochBlocks: 0,
    });
    const requests = there.requests - before;
    expect(told).toHaveLength(mechanisms);
    state.close();
    await there.close();
    await many.node.stop();
    return requests;
  };
  // The metagraph; the hash of its block, times, shares; the hash and the row of one mechanism. For a block that it has not seen yet, the
  // library asks two more.
  expect(await asked(1)).toBeLessThanOrEqual(8);
  // And the other mechanism's updates, hash and row.
  expect(await asked(2)).toBeLessThanOrEqual(11);
});

test("weights show says why nothing would be set, and keeps to the chain of the state", async () => {
  const { state, show, at } = await place([0, 0, 0], "idle");
  const { stdout } = await show();
  expect(stdout).toContain("Now        none would be set: no miner of this subnet has a score above 0");
  expect(stdout).toContain("This validator has sent no weights yet.");
  state.close();
  const other = await startChain();
  const elsewhere = await at(other.node.endpoint);
  expect(elsewhere.exitCode).toBe(73);
  await other.node.stop();
});
