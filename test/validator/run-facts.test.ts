import { describe, expect, test } from "bun:test";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { EVENT_KINDS } from "../../src/events/schema.ts";
import { runFacts } from "../../src/validator/run-facts.ts";

const KEY = "9f8e7d6c5b4a39281706";

/** The settings that the event `run` tells, for a command line. */
function toldOf(flags: Record<string, string>, environment: Record<string, string> = {}) {
  const { settings, origins } = loadConfiguration(OPTIONS, { flags, environment });
  const connection = { endpoint: `wss://node.example/v1/${KEY}`, specVersion: 424 };
  return runFacts({
    settings,
    origins,
    profile: "embedded",
    roles: new Map(),
    running: [],
    connection,
  });
}

describe("what an event tells of a run", () => {
  test("is every setting by its flag with where it came from, in the shape of its kind", () => {
    const facts = toldOf({ netuid: "7" });
    expect(facts.settings.netuid).toEqual({ value: 7, origin: "flag" });
    expect(facts.settings["neuron.followup_sample_size"]).toMatchObject({ origin: "default" });
    const onSubnet = { uid: 0, permit: true, stake_tao: 1, sets_weights: true, epoch_blocks: 360 };
    const body = { ...facts, ...onSubnet, kind: "run", steps: 0, last_weights_block: 0 };
    expect(EVENT_KINDS.run.safeParse(body).error).toBeUndefined();
  });

  test.each([
    ["a password", { "subtensor.chain_endpoint": `wss://me:${KEY}@node.example` }],
    ["a key in a query", { "subtensor.chain_endpoint": `wss://a.example,node.example?key=${KEY}` }],
    ["a key in a path", { "subtensor.chain_endpoint": `wss://node.example/v1/${KEY}` }],
    ["a key in a path without a scheme", { "subtensor.chain_endpoint": `a.example, node.example/v1/${KEY}` }],
    ["a key in a network's place", { "subtensor.network": `node.example/v1/${KEY}` }],
  ])("is never %s", (_, flags) => {
    expect(JSON.stringify(toldOf(flags as Record<string, string>))).not.toContain(KEY);
  });

  test("is never a token", () => {
    const { settings } = toldOf({}, { HF_TOKEN: `hf_${KEY}` });
    expect(JSON.stringify(settings)).not.toContain(KEY);
    expect(settings["data.token"]).toBeUndefined();
  });

  test("leaves folders and names as they are", () => {
    const path = "/srv/validators/9f8e7d6c5b4a39281706";
    const { settings } = toldOf({ "wallet.path": path, "subtensor.network": "test" });
    expect(settings["wallet.path"]!.value).toBe(path);
    expect(settings["subtensor.network"]!.value).toBe("test");
  });
});
