/**
 * Proves that the tests of the money path can fail: applies each of a list of small changes to a copy of the tree and
 * runs the tests that must notice it. `bun run mutants [--sample N] [--seed S] [--only WORDS]`; exit code 1 when a
 * mutant survives, its text does not occur exactly once any more, or its tests fail without it, twice.
 */
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/localnet/miners/random.ts";
import { CHAIN_MUTANTS } from "./mutants/chain.ts";
import { EVENT_MUTANTS } from "./mutants/events.ts";
import { JUDGE_MUTANTS } from "./mutants/judge.ts";
import { MODEL_MUTANTS } from "./mutants/models.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { VALIDATOR_MUTANTS } from "./mutants/validator.ts";
import { WALLET_MUTANTS } from "./mutants/wallet.ts";
import { WEIGHT_MUTANTS } from "./mutants/weights.ts";

export const MUTANTS: readonly Mutant[] = [
  ...VALIDATOR_MUTANTS,
  ...EVENT_MUTANTS,
  ...WEIGHT_MUTANTS,
  ...CHAIN_MUTANTS,
  ...MODEL_MUTANTS,
  ...WALLET_MUTANTS,
  ...JUDGE_MUTANTS,
];

const ROOT = resolve(import.meta.dir, "..");
/** What a single test may take; bun's own limit is too short for real sockets, the suite's too long here. */
const TEST_TIMEOUT_MS = 10_000;
/** The tests of a file without a mutant may take this, on a machine that has other things to do as well. */
const TESTS_TIMEOUT_MS = 120_000;
/** A mutant may make a test wait for ever, or spin: it is given this many times what the tests take without it, and more. */
const PATIENCE = { factor: 3, moreMs: 8_000 };

type Verdict = "killed" | "SURVIVED" | "NOT APPLICABLE";

/** The mutated source. @throws Error when the text does not occur exactly once, or the result is no TypeScript. */
export function mutated(source: string, { text, replacement }: Mutant): string {
  const found = source.split(text).length - 1;
  if (found !== 1) throw new Error(`its text occurs ${found} times`);
  const result = source.replace(text, () => replacement);
  // A file that cannot be read would fail every test and prove nothing.
  new Bun.Transpiler({ loader: "ts" }).scan(result);
  return result;
}

/** A copy of the tree, uncommitted changes included, with the installed packages linked. */
function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), "ov-mutants-"));
  process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
  const list = Bun.spawnSync(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
  });
  if (!list.success) throw new Error("the tree is no git repository");
  for (const file of new Set(list.stdout.toString().split("\0"))) {
    // A file that git knows may be gone, and a link is no source.
    if (file === "" || !lstatSync(join(ROOT, file), { throwIfNoEntry: false })?.isFile()) continue;
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(copy, file));
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  for (const folder of ["home", "tmp"]) mkdirSync(join(copy, folder));
  return copy;
}

type Outcome = "pass" | "fail" | "late";

async function runTests(copy: string, tests: readonly string[], timeoutMs: number): Promise<Outcome> {
  const run = Bun.spawn([process.execPath, "test", "--bail", `--timeout=${TEST_TIMEOUT_MS}`, ...tests], {
    cwd: copy,
    // With a scratch folder named, test/preload.ts starts no run within the run: one that spins must be killed itself.
    env: { ...process.env, OV_TESTS_SCRATCH: copy, HOME: join(copy, "home"), TMPDIR: join(copy, "tmp") },
    stdout: "ignore",
    stderr: "ignore",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const code = await run.exited;
  if (run.signalCode === "SIGKILL") return "late";
  return code === 0 ? "pass" : "fail";
}

async function judge(
  copy: string,
  mutant: Mutant,
  timeoutMs: number,
): Promise<{ verdict: Verdict; detail: string }> {
  const path = join(copy, mutant.file);
  const source = readFileSync(join(ROOT, mutant.file), "utf8");
  try {
    writeFileSync(path, mutated(source, mutant));
  } catch (error) {
    return { verdict: "NOT APPLICABLE", detail: `${mutant.file}: ${(error as Error).message}` };
  }
  try {
    const outcome = await runTests(copy, mutant.tests, timeoutMs);
    if (outcome === "pass")
      return { verdict: "SURVIVED", detail: `${mutant.file}: ${mutant.tests.join(", ")} pass` };
    return { verdict: "killed", detail: outcome === "late" ? `${mutant.file}, by time-out` : mutant.file };
  } finally {
    writeFileSync(path, source);
  }
}

/** `count` of them, drawn by the seed. */
export function sampleOf(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  const random = seededRandom(seed);
  const left = [...mutants];
  return Array.from(
    { length: Math.min(count, left.length) },
    () => left.splice(Math.floor(random() * left.length), 1)[0]!,
  );
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { sample: { type: "string" }, seed: { type: "string" }, only: { type: "string" } },
  });
  const seed = Number(values.seed ?? Math.floor(Date.now() / 86_400_000));
  const named = MUTANTS.filter(({ name, file }) => `${file} ${name}`.includes(values.only ?? ""));
  const chosen = values.sample === undefined ? named : sampleOf(named, Number(values.sample), seed);
  const copy = copyTree();
  const timeoutsMs = new Map<string, number>();
  for (const tests of chosen.map((mutant) => mutant.tests)) {
    if (timeoutsMs.has(tests.join())) continue;
    let startedMs = performance.now();
    let outcome = await runTests(copy, tests, TESTS_TIMEOUT_MS);
    if (outcome !== "pass") {
      // Perhaps because the machine had other things to do.
      startedMs = performance.now();
      outcome = await runTests(copy, tests, TESTS_TIMEOUT_MS);
    }
    if (outcome !== "pass") continue;
    const usualMs = performance.now() - startedMs;
    timeoutsMs.set(tests.join(), Math.round(PATIENCE.factor * usualMs + PATIENCE.moreMs));
  }
  const verdicts = { killed: 0, SURVIVED: 0, "NOT APPLICABLE": 0 };
  for (const mutant of chosen) {
    const startedMs = performance.now();
    const timeoutMs = timeoutsMs.get(mutant.tests.join());
    const { verdict, detail } =
      timeoutMs === undefined
        ? { verdict: "NOT APPLICABLE" as const, detail: `${mutant.tests.join(", ")} fail without it` }
        : await judge(copy, mutant, timeoutMs);
    verdicts[verdict]++;
    const ms = Math.round(performance.now() - startedMs);
    console.log(`${verdict.padEnd(14)} ${String(ms).padStart(6)} ms  ${mutant.name}  (${detail})`);
  }
  console.log(
    `${chosen.length} of ${MUTANTS.length} mutants${values.sample === undefined ? "" : `, seed ${seed}`}: ` +
      `${verdicts.killed} killed, ${verdicts.SURVIVED} survived, ${verdicts["NOT APPLICABLE"]} not applicable`,
  );
  return verdicts.killed === chosen.length && chosen.length > 0 ? 0 : 1;
}

if (import.meta.main) process.exit(await main());
