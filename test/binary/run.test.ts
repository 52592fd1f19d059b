import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Identity } from "../../src/base/vocabulary.ts";
import type { SavedState } from "../../src/validator/state/content.ts";
import { savedState } from "../fakes/saved-state.ts";
import { swiftshaderEnvironment } from "../swiftshader.ts";
import { BUILD_TIMEOUT_MS, builtBinary, runCommand, type Scratch, scratch } from "./built.ts";
import { poison } from "./poison.ts";
import { readEvents, type Subnet, start, startSubnet, stepsOf, waitFor } from "./subnet.ts";

/** Three steps of inference on two busy cores. */
const RUN_TIMEOUT_MS = 120_000;
const SUBNET_FLAGS = [
  "--miners",
  "4",
  "--block-time",
  "0.25",
  "--characters",
  "good,terse,gibberish,failing",
];
/** One forward pass of three short steps. */
const SHORT_RUN = ["--run.forwards", "1", "--neuron.num_followup_steps", "1", "--neuron.device", "cpu"];
/** The subnet of --mock has silent miners. */
const QUICK = ["--neuron.followup_timeout", "1", "--neuron.answer_timeout", "1"];

let binary: string;

beforeAll(async () => {
  binary = await builtBinary();
}, BUILD_TIMEOUT_MS);

function cachedLibrary(place: Scratch): string | undefined {
  const cwd = place.environment.HOME!;
  for (const path of new Bun.Glob(".cache/openvalidator/native/*/libonnxruntime*").scanSync({
    cwd,
    dot: true,
  }))
    return join(cwd, path);
  return undefined;
}

describe("the binary on its own local subnet", () => {
  let place: Scratch;
  let subnet: Subnet;

  beforeAll(async () => {
    place = scratch();
    subnet = await startSubnet([binary], place, SUBNET_FLAGS);
  }, RUN_TIMEOUT_MS);
  afterAll(async () => {
    await subnet?.running.stop();
    place?.remove();
  });

  const command = (...flags: string[]): string[] => [binary, ...subnet.runArguments, ...SHORT_RUN, ...flags];

  test(
    "works twice at once from an empty cache",
    async () => {
      expect(cachedLibrary(place)).toBeUndefined();
      const [one, two] = await Promise.all(
        ["one", "two"].map((name) => runCommand(command("--neuron.name", name), place)),
      );
      expect({ code: one!.code, stderr: one!.code === 0 ? "" : one!.stderr }).toEqual({
        code: 0,
        stderr: "",
      });
      expect({ code: two!.code, stderr: two!.code === 0 ? "" : two!.stderr }).toEqual({
        code: 0,
        stderr: "",
      });
      const forwards = new Set(stepsOf(readEvents(place.root)).map(({ forward }) => forward));
      expect(forwards.size).toBe(2);
      expect(cachedLibrary(place)).toBeDefined();
    },
    RUN_TIMEOUT_MS,
  );

  test("leaves nothing in the home and the temporary folder but its own", () => {
    // ONNX Runtime would keep a device id and its events for Microsoft there.
    expect(readdirSync(place.environment.HOME!)).toEqual([".cache"]);
    expect(readdirSync(join(place.environment.HOME!, ".cache"))).toEqual(["openvalidator"]);
    const others = readdirSync(place.environment.TMPDIR!).filter(
      (name) => !name.startsWith("openvalidator-"),
    );
    expect(others).toEqual([]);
  });

  test(
    "replaces a truncated library in its cache",
    async () => {
      const library = cachedLibrary(place)!;
      const { size } = statSync(library);
      chmodSync(library, 0o700);
      truncateSync(library, 1_000_000);
      const { code, stderr } = await runCommand(command("--neuron.name", "three"), place);
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      expect(statSync(library).size).toBe(size);
    },
    RUN_TIMEOUT_MS,
  );
});

describe("a cache that cannot be written", () => {
  const environment = { OPENVALIDATOR_CACHE: "/proc/none" };

  test(
    "is replaced by a temporary folder, which is gone afterwards",
    async () => {
      const place = scratch();
      try {
        const run = await runCommand([binary, "run", "--mock", ...SHORT_RUN, ...QUICK], {
          directory: place.directory,
          environment: { ...place.environment, ...environment },
        });
        expect({ code: run.code, stderr: run.code === 0 ? "" : run.stderr }).toEqual({ code: 0, stderr: "" });
        const left = readdirSync(place.environment.TMPDIR!).filter((name) => name.includes("native"));
        expect(left).toEqual([]);
      } finally {
        place.remove();
      }
    },
    RUN_TIMEOUT_MS,
  );

  test(
    "is named, with a way out, when there is no other place either",
    async () => {
      const place = scratch();
      const subnet = await startSubnet([binary], place, SUBNET_FLAGS);
      try {
        const run = await runCommand([binary, ...subnet.runArguments, ...SHORT_RUN], {
          directory: place.directory,
          environment: { ...place.environment, ...environment, TMPDIR: "/proc/none" },
        });
        expect(run.code).toBe(69);
        expect(run.stderr).toContain("/proc/none");
        expect(run.stderr).toContain("OPENVALIDATOR_CACHE");
      } finally {
        await subnet.running.stop();
        place.remove();
      }
    },
    RUN_TIMEOUT_MS,
  );
});

/** Processes that a process has started; Linux only, like the binary that is tested. */
function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return list.split(" ").filter(Boolean).map(Number);
}

/** Whether it still works; a container without an init keeps the entries of ended processes as zombies. */
function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

test(
  "a killed validator leaves no process behind and goes on with the same scores",
  async () => {
    const place = scratch();
    const subnet = await startSubnet([binary], place, SUBNET_FLAGS);
    const command = [
      binary,
      ...subnet.runArguments,
      "--neuron.device",
      "cpu",
      "--neuron.num_followup_steps",
      "1",
    ];
    const steps = (): number => stepsOf(readEvents(place.root)).length;
    const saved = (): SavedState => {
      const { genesis, netuid, hotkey } = readEvents(place.root)[0] as unknown as Identity;
      const [file] = new Bun.Glob("**/state.sqlite").scanSync({ cwd: place.root, dot: true, absolute: true });
      return savedState(dirname(file!), { genesis, netuid, hotkey });
    };
    try {
      const first = start(command, place);
      await waitFor("four steps", first, () => (steps() >= 4 ? true : undefined));
      const workers = childrenOf(first.pid);
      expect(workers.length).toBeGreaterThan(0);
      await first.stop("SIGKILL");
      await waitFor("the end of the workers", subnet.running, () =>
        workers.some(isRunning) ? undefined : true,
      );
      const before = saved();
      const journalled = steps();
      expect(journalled - before.steps).toBeWithin(0, 2);
      expect(Math.max(...before.scores.scores)).toBeGreaterThan(0);

      // With a share of nothing for new rewards, the scores stay what they were.
      const again = await runCommand(
        [...command, "--run.forwards", "1", "--neuron.moving_average_alpha", "0"],
        place,
      );
      expect({ code: again.code, stderr: again.code === 0 ? "" : again.stderr }).toEqual({
        code: 0,
        stderr: "",
      });
      const after = saved();
      expect(after.scores.scores).toEqual(before.scores.scores);
      expect(after.steps - before.steps).toBe(steps() - journalled);
      expect(after.steps).toBeGreaterThan(before.steps);
    } finally {
      await subnet.running.stop();
      place.remove();
    }
  },
  RUN_TIMEOUT_MS,
);

const gpu = swiftshaderEnvironment();
test.skipIf(gpu === undefined)(
  "the binary computes on WebGPU",
  async () => {
    const place = scratch();
    const subnet = await startSubnet([binary], place, SUBNET_FLAGS);
    try {
      const environment = { ...place.environment, ...gpu };
      const command = [binary, ...subnet.runArguments, "--neuron.device", "webgpu"];
      const validator = start(command, { directory: place.directory, environment });
      // The worker says so after it has embedded a text on the device; a whole step would take SwiftShader a minute.
      await waitFor("WebGPU", validator, () => /kind=webgpu.*SwiftShader/.exec(validator.output())?.[0]);
      expect(await validator.stop()).toBe(0);
    } finally {
      await subnet.running.stop();
      place.remove();
    }
  },
  RUN_TIMEOUT_MS,
);

/** A network of its own with nothing but loopback, where the kernel lets this user make one. */
const ALONE = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"'];
const canBeAlone = ((): boolean => {
  try {
    return Bun.spawnSync([...ALONE, "true"]).exitCode === 0;
  } catch {
    return false;
  }
})();
if (!canBeAlone) process.stderr.write("the run without a network is skipped: this user cannot unshare one\n");

test.skipIf(!canBeAlone)(
  "the binary works in a hostile directory with no network",
  async () => {
    const place = scratch();
    const mark = poison(place.directory);
    const subnet = await startSubnet([...ALONE, binary], place, SUBNET_FLAGS);
    try {
      const same = ["nsenter", `--target=${subnet.running.pid}`, "--user", "--net", "--preserve-credentials"];
      const validator = start([...same, binary, ...subnet.runArguments, ...SHORT_RUN], place);
      await waitFor("end of the run", validator, () =>
        stepsOf(readEvents(place.root)).length >= 3 ? true : undefined,
      );
      const code = await validator.ended;
      expect({ code, output: code === 0 ? "" : validator.output() }).toEqual({ code: 0, output: "" });
      const [step] = stepsOf(readEvents(place.root));
      expect(step!.netuid).not.toBe(77);
      expect(existsSync(mark)).toBe(false);
    } finally {
      await subnet.running.stop();
      place.remove();
    }
  },
  RUN_TIMEOUT_MS,
);
