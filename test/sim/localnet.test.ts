import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { asNetuid, asUid } from "../../src/base/units.ts";
import { ChainConnection } from "../../src/chain/connection.ts";
import { fetchWeights } from "../../src/chain/metagraph.ts";
import { openSigner } from "../../src/cli/open-signer.ts";
import { settingsFor } from "../../src/cli/validate.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS, type Settings } from "../../src/config/options.ts";
import { stateDirectory } from "../../src/config/paths.ts";
import { readEvents } from "../../src/events/reader.ts";
import { type AnyEvent, columnsOf, type Event } from "../../src/events/schema.ts";
import { type Localnet, startLocalnet } from "../../src/localnet/localnet.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { startValidator } from "../../src/validator/compose.ts";
import { createWallet } from "../../src/wallet/create.ts";
import { savedState } from "../fakes/saved-state.ts";

/** The whole of the program but the command line: a real node, real miners, the real model. */
describe("a validator on a local subnet", () => {
  let net: Localnet;
  let settings: Settings;
  const isFateOfCommit = (event: Event): boolean => event.kind === "reveal" && event.state !== "pending";
  const isIncluded = (event: Event): boolean => event.kind === "weights" && event.state === "included";
  const stepsOf = <E extends AnyEvent>(events: E[]): Extract<E, { kind: "step" }>[] =>
    events.filter((event): event is Extract<E, { kind: "step" }> => event.kind === "step");

  beforeAll(async () => {
    net = await startLocalnet({
      minerCount: 16,
      blockTimeMs: 250,
      port: 0,
      tempoBlocks: 12,
      commitReveal: true,
    });
    settings = {
      ...loadConfiguration(OPTIONS, { flags: {}, environment: {} }).settings,
      ...settingsFor(net),
      neuronDevice: { device: "cpu", byRole: {} },
      neuronFollowupTimeout: 0.8,
      neuronAnswerTimeout: 0.8,
      neuronNumFollowupSteps: 1,
      neuronMovingAverageAlpha: 0.2,
    };
  });
  afterAll(() => net.stop());

  /** Runs until `isEnough` says so; returns what happened. */
  async function run(isEnough: (events: Event[]) => boolean, more: Partial<Settings> = {}): Promise<Event[]> {
    const stop = new AbortController();
    const events: Event[] = [];
    const chosen = { ...settings, ...more };
    await startValidator({
      settings: chosen,
      signer: await openSigner(chosen, { environment: {}, signal: stop.signal }),
      signal: stop.signal,
      onEvent(event) {
        events.push(event);
        if (isEnough(events)) stop.abort();
      },
    });
    return events;
  }
  const identity = () => ({ genesis: net.node.genesisHash, netuid: net.netuid, hotkey: net.validator });

  test("ranks good miners above gibberish, copying and hostile ones, and reveals its weights on chain", async () => {
    const events = await run((seen) => seen.some(isFateOfCommit) && stepsOf(seen).length >= 9);
    expect(events.find(isFateOfCommit)).toMatchObject({ state: "revealed", error: null });

    const { scores } = savedState(stateDirectory(settings), identity()).scores;
    const of = (...characters: string[]): number[] =>
      net.miners.filter(({ character }) => characters.includes(character)).map(({ uid }) => scores[uid]!);
    const bad = of("gibberish", "copying", "hostile", "failing", "silent");
    const good = of("good");
    expect(good.reduce((sum, score) => sum + score, 0) / good.length).toBeGreaterThan(Math.max(...bad));

    const connection = await ChainConnection.connect({ endpoints: [net.endpoint] });
    const weights = await fetchWeights(connection, asNetuid(net.netuid), asUid(0)).finally(() =>
      connection.close(),
    );
    const heaviest = weights.toSorted(([, a], [, b]) => b - a)[0]!;
    expect(heaviest[1]).toBe(65_535);
    expect(net.miners.find(({ uid }) => uid === heaviest[0])!.character).toBe("good");
  }, 60_000);

  test("goes on with the same scores, the same step count and the same journal", async () => {
    const before = savedState(stateDirectory(settings), identity());
    const events = await run((seen) => stepsOf(seen).length >= 1);
    const after = savedState(stateDirectory(settings), identity());
    expect(after.steps).toBe(before.steps + stepsOf(events).length);
    const asked = new Set(stepsOf(events).flatMap((event) => event.uids));
    for (const [uid, score] of before.scores.scores.entries())
      if (!asked.has(asUid(uid))) expect(after.scores.scores[uid]).toBe(score);
    const journal = await Array.fromAsync(readEvents(join(stateDirectory(settings), "events")));
    expect(stepsOf(journal)).toHaveLength(after.steps);
  }, 60_000);

  test("learns from every step, routes when told to, and keeps the gating layer with the state", async () => {
    const routing = { gatingExplore: 0.25, neuronFollowupSampleSize: 4, neuronAnswerSampleSize: 4 };
    const events = await run((seen) => stepsOf(seen).length >= 2, routing);
    for (const event of stepsOf(events)) {
      expect(event.gating_loss).toBeGreaterThanOrEqual(0);
      expect(event.uids).toHaveLength(4);
    }
    // A row for each miner that was asked: weights, bias, their velocities, and the step they are of.
    const rows = savedState(stateDirectory(settings), identity()).router!.tables.gating!;
    expect(rows.size).toBeWithin(4, net.miners.length + 1);
    for (const row of rows.values()) expect(row).toHaveLength(2 * (384 + 1) + 2);
    expect([...rows.values()].some((row) => row[384] !== 0)).toBe(true);
  }, 60_000);

  test("refuses an encoder that this program has not, before anything else", async () => {
    const failed = run(() => true, { gatingModelName: "someone/else" });
    await expect(failed).rejects.toMatchObject({ code: "gating.unknown-encoder" });
  });

  test("judges with every reward, mask, penalty and shadow scorer of a profile of one's own", async () => {
    const exports = resolve(import.meta.dir, "../golden/exports");
    const profile = {
      id: "all",
      rewards: [
        { name: "dpo_reward_model", model: "tiny-qwen3", weight: 0.2 },
        { name: "rlhf_reward_model", model: "tiny-deberta-v2", weight: 0.3 },
        { name: "reciprocate_reward_model", model: "tiny-gptj", dtype: { cpu: "q4" }, weight: 0.2 },
        { name: "relevance_reward_model", model: EMBEDDED_MODEL, weight: 0.3 },
      ],
      relevance: {
        model: EMBEDDED_MODEL,
        minCosine: 0.15,
        distance: { model: "tiny-bert", minNegativeRmse: -1 },
      },
      diversity: {
        model: EMBEDDED_MODEL,
        batchSlope: 100,
        batchShift: 6,
        historySlope: 300,
        historyShift: 9,
      },
      nsfw: { model: "tiny-roberta", rule: "against", maxScore: 100 },
      shadow: [
        { name: "reciprocate_reward_model", model: "tiny-qwen3-reward" },
        { name: "dpo_reward_model", model: "tiny-llama" },
      ],
      penalties: [{ name: "content-match" }],
      gating: { model: "tiny-gpt-neo" },
    };
    const path = join(net.walletPath, "profile.json");
    writeFileSync(path, JSON.stringify(profile));
    const events = await run((seen) => stepsOf(seen).length >= 2, {
      neuronName: "full_judge",
      modelsProfile: path,
      modelsDir: exports,
      neuronDevice: { device: "cpu", byRole: { shadow: "cpu" } },
      neuronNgramBlacklist: true,
      shadowMiners: 5,
    });
    for (const event of stepsOf(events)) {
      const columns = columnsOf(event);
      const answered = event.uids.flatMap((_, row) => (event.completions[row]?.trim() ? row : []));
      for (const name of [
        "dpo_reward_model_normalized",
        "rlhf_reward_model",
        "reciprocate_reward_model",
        "relevance_reward_model",
        "relevance_filter",
        "diversity_reward_model",
        "nsfw_filter",
        "ngram_blacklist_filter",
        "content_match_penalty_applied",
        "shadow_reciprocate_reward_model",
        "shadow_dpo_reward_model",
      ])
        for (const row of answered)
          expect([name, row, typeof columns[name]?.[row]]).toEqual([name, row, "number"]);
      expect(columns.shadow_miners_uids!.filter((uid) => uid !== null).length).toBe(5);
      expect(event.gating_loss).toBeGreaterThanOrEqual(0);
    }
    expect(Math.max(...stepsOf(events).flatMap(({ rewards }) => rewards))).toBeGreaterThan(0);
  }, 60_000);

  test("sets weights plainly when the subnet does not want commits", async () => {
    net.node.setCommitReveal(false);
    const events = await run((seen) => seen.some(isIncluded));
    expect(events.find(isIncluded)).toMatchObject({ path: "plain", error: null });
  }, 60_000);

  test("refuses a second validator with the same wallet, subnet and name", async () => {
    let second: unknown;
    const { signal } = new AbortController();
    const signer = await openSigner(settings, { environment: {}, signal });
    await run((seen) => {
      second ??= startValidator({ settings, signer, signal }).catch((error: unknown) => error);
      return stepsOf(seen).length > 0;
    });
    expect(await second).toMatchObject({ code: "state.locked" });
  }, 60_000);

  test("stops with a sentence when the hotkey is not registered", async () => {
    await createWallet(net.walletPath, "stranger", "validator");
    const failed = run(() => false, { walletName: "stranger" });
    await expect(failed).rejects.toMatchObject({ code: "chain.not-registered" });
  });
});
