import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { bringModels, defaultProfile, readyModels, STANDARD_GPU_BYTES } from "../../src/cli/first-start.ts";
import { openStartPatience } from "../../src/cli/start-patience.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS, type Settings } from "../../src/config/options.ts";
import { readCatalog } from "../../src/models/catalog.ts";
import { knownModels } from "../../src/models/known-models.ts";
import { modelState } from "../../src/models/locked-manifest.ts";
import { capturedLog } from "../captured-log.ts";
import { MANIFESTS } from "../models/build/fixtures.ts";
import { catalogEntry, startHub } from "../models/model-hub-double.ts";
import { shardedFiles } from "../models/sharded-checkpoint.ts";
import { scratchFolders } from "../scratch.ts";

const scratch = scratchFolders("first-start");
const FINNEY = "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03";
const LOCAL = `0x${"11".repeat(32)}`;
const REVISION = "0123456789abcdef0123456789abcdef01234567";
const GIB = 2 ** 30;
const never = new AbortController().signal;
const log = capturedLog();

let directory: string;
let hub: ReturnType<typeof startHub>;
beforeEach(() => {
  directory = scratch();
  const toxic = readCatalog().find(({ id }) => id === "minilmv2-toxic-jigsaw")!;
  const reward = readCatalog().find(({ id }) => id === "oa-deberta-v3-base")!;
  const files = Object.fromEntries(
    ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"].map((name) => [
      name,
      new Uint8Array(10),
    ]),
  );
  hub = startHub({ "config.json": new Uint8Array(1007) }, toxic.revision, toxic.repo, [
    { repo: reward.repo, revision: reward.revision, files },
  ]);
});
afterEach(() => hub.stop());

function settingsOf(flags: Record<string, string> = {}): Settings {
  return loadConfiguration(OPTIONS, {
    command: "run",
    flags: { "models.dir": directory, "models.mirror": hub.endpoint, ...flags },
    environment: { HOME: directory },
  }).settings;
}
const gpuOf = (bytes: number) => async (): Promise<number> => bytes;

describe("a profile that nobody named", () => {
  test.each([
    [false, 80 * GIB, "embedded"],
    [true, 0, "lite"],
    [true, 8 * GIB, "lite"],
    [true, STANDARD_GPU_BYTES, "standard"],
  ])("is, on a public network (%p) and with a GPU of %p bytes, %p", (isPublic, gpuBytes, profile) => {
    expect(defaultProfile(isPublic, gpuBytes).profile).toBe(profile);
  });

  test("is embedded on a local chain, told in one line, with no look at GPUs and no download", async () => {
    const settings = await readyModels(settingsOf(), LOCAL, never, () => Promise.reject(new Error("asked")));
    expect(settings.modelsProfile).toBe("embedded");
    expect(log).toHaveLength(1);
    expect(log[0]).toContain("the chain is a local or development one");
    expect(hub.requests).toEqual([]);
  });

  test("asks for its models on a public network, and fetches none where one has another hash than is known", async () => {
    const ready = readyModels(settingsOf(), FINNEY, never, gpuOf(0));
    await expect(ready).rejects.toMatchObject({
      code: "model.refused",
      message: expect.stringContaining(
        "model.safetensors of OpenAssistant/reward-model-deberta-v3-base is another",
      ),
    });
    expect(log[0]).toContain("the network is public and no GPU is used");
    expect(hub.requests.map(({ path }) => path)).toEqual([expect.stringMatching(/^\/api\/models\/OpenAss/)]);
  });

  test("downloads nothing with --models.offline", async () => {
    const settings = await readyModels(
      settingsOf({ "models.offline": "true" }),
      FINNEY,
      never,
      gpuOf(80 * GIB),
    );
    expect(settings.modelsProfile).toBe("standard");
    expect(hub.requests).toEqual([]);
  });
});

describe("a profile that was named", () => {
  test("stays, and brings nothing", async () => {
    for (const profile of ["legacy", "lite"])
      expect(
        (await readyModels(settingsOf({ "models.profile": profile }), FINNEY, never)).modelsProfile,
      ).toBe(profile);
    expect(log).toEqual([]);
    expect(hub.requests).toEqual([]);
  });

  test("is warned of where it is the embedded one on a public network", async () => {
    await readyModels(settingsOf({ "models.profile": "embedded" }), LOCAL, never);
    expect(log).toEqual([]);
    await readyModels(settingsOf({ "models.profile": "embedded" }), FINNEY, never);
    expect(log).toHaveLength(1);
    expect(log[0]).toContain("WARN");
    expect(log[0]).toContain("cannot judge whether an answer is right or helpful, nor whether it does harm");
  });
});

describe("weights of the operator", () => {
  const weights = { "reward.rlhf_weight": "0", "reward.reciprocate_weight": "0", "reward.dpo_weight": "1" };

  test("are warned of where nothing with a weight judges, whoever chose the profile", async () => {
    const flags = { ...weights, "models.offline": "true" };
    for (const named of [{}, { "models.profile": "standard" }] as Record<string, string>[]) {
      log.length = 0;
      await readyModels(settingsOf({ ...flags, ...named }), FINNEY, never, gpuOf(80 * GIB));
      const warning = log.filter((line) => line.includes("WARN"));
      expect(warning).toHaveLength(1);
      expect(warning[0]).toContain(
        "cannot judge whether an answer is right or helpful, nor harm that is not",
      );
      expect(warning[0]).toContain("leave the --reward.*_weight flags out");
    }
  });

  test("are refused where they do not sum to 1, before anything is brought", async () => {
    const ready = readyModels(settingsOf({ "reward.rlhf_weight": "0" }), FINNEY, never, gpuOf(0));
    await expect(ready).rejects.toMatchObject({ code: "rewards.bad-weights" });
    expect(hub.requests).toEqual([]);
  });
});

test("models are brought as graphs or built from their weights, with a line for each tenth at most", async () => {
  const weights = startHub({ ...shardedFiles(), "onnx/model.onnx": new Uint8Array(50_000) }, REVISION);
  try {
    const pulled = catalogEntry(REVISION);
    const graph = { ...pulled, dtype: { webgpu: ["fp32" as const], cpu: ["fp32" as const] } };
    const built = {
      ...graph,
      ...MANIFESTS.bert!,
      id: "built",
      maxTokens: 64,
      files: [],
      checkpoint: { kind: "safetensors" as const, files: [] },
    };
    const settings = { modelsDir: directory, modelsMirror: weights.endpoint, modelsToken: undefined };
    const told: string[] = [];
    await bringModels([graph, built], settings, never, (status) => told.push(status));
    expect(told).toContain("Bringing test-model: 50.0 kB of 50.0 kB of onnx/model.onnx");
    expect(modelState(directory, graph, ["fp32"])).toBe("here");
    const [known] = knownModels(directory).filter(({ id }) => id === "built");
    expect(modelState(directory, known!, ["fp32"])).toBe("here");
    const text = log.join("");
    expect(text).toMatch(
      /are not here and are brought now .*download=\S+ .*onDiskAtMost=\S+ .*forAWhileAtMost=/,
    );
    expect(text).toContain("The model is built from its original weights");
    expect(text).toContain("built as fp32");
    expect(text).toContain("All models of the profile are here");
    expect(log.length).toBeLessThan(120);
  } finally {
    await weights.stop();
  }
});

test("a service manager is asked to wait while models grow, not with every byte", () => {
  const sent: string[] = [];
  let nowMs = 0;
  const socket = { send: (text: string) => sent.push(text) > 1, close: () => sent.push("closed") };
  const patience = openStartPatience(
    { NOTIFY_SOCKET: "@test" },
    () => socket,
    () => nowMs,
  );
  // The first does not go, so the next is sent at once.
  for (const status of ["a", "b", "c"]) patience.more(status);
  nowMs = 30_000;
  patience.more("d");
  patience.close();
  expect(sent).toEqual([
    ...["a", "b", "d"].map((status) => `EXTEND_TIMEOUT_USEC=600000000\nSTATUS=${status}`),
    "closed",
  ]);
  const none = openStartPatience({}, () => {
    throw new Error("opened");
  });
  none.more("a");
  none.close();
  expect(log).toEqual([]);
});
