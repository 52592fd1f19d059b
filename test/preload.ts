import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CANARY, notedSecrets, noteSecrets, SCRATCH, searchFolder, secretsIn } from "./canaries.ts";
import { configureTestLog } from "./captured-log.ts";

/** Longer than any form of a secret, which may lie across two pieces. */
const OVERLAP_CHARACTERS = 512;

if (process.env[SCRATCH] === undefined) process.exit(await runElsewhere());

configureTestLog();
watchChildren();

/**
 * Runs this command line once more, with a home and a folder for temporary files of its own, which are removed
 * afterwards: neither tests, nor native code, nor the programs that they start leave anything with the person who runs
 * them. A process of its own, because native code and children read the environment that a process began with. What it
 * prints and what it leaves behind is searched for the secrets of the tests.
 * @returns its exit code
 */
async function runElsewhere(): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), "ov_tests_"));
  const environment: Record<string, string | undefined> = {
    ...process.env,
    [SCRATCH]: scratch,
    HOME: join(scratch, "home"),
    TMPDIR: join(scratch, "tmp"),
    // Tests that load ONNX Runtime into their own process would otherwise report to its maker.
    ORT_DISABLE_TELEMETRY: "1",
    // Secrets that an operator may have in his environment; no child of ours is to get them.
    AWS_SECRET_ACCESS_KEY: CANARY.foreignKey,
    NVIDIA_API_KEY: CANARY.foreignKey,
  };
  // These would lead past the home folder.
  for (const name of ["CACHE", "CONFIG", "DATA", "STATE"]) delete environment[`XDG_${name}_HOME`];
  // What it prints passes through here.
  if (process.stderr.isTTY && !process.env.NO_COLOR) environment.FORCE_COLOR = "1";
  try {
    for (const folder of [environment.HOME!, environment.TMPDIR!]) mkdirSync(folder);
    const [, ...words] = ownWords();
    const child = Bun.spawn([process.execPath, ...words], {
      env: environment,
      stdio: ["inherit", "pipe", "pipe"],
    });
    // A terminal or `timeout` signals both; this one stays to clean up.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
    const printed = await Promise.all([
      passOn(child.stdout, process.stdout),
      passOn(child.stderr, process.stderr),
    ]);
    await child.exited;
    process.env[SCRATCH] = scratch;
    searchFolder(environment.HOME!);
    searchFolder(environment.TMPDIR!);
    const leaks = [
      ...printed.flatMap((names) => names.map((name) => `${name} in what the tests print`)),
      ...notedSecrets(scratch),
    ];
    for (const leak of new Set(leaks)) process.stderr.write(`(fail) a secret got out: ${leak}\n`);
    return leaks.length > 0 ? child.exitCode || 1 : (child.exitCode ?? 1);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Writes on what comes, as it comes. @returns the secrets in it */
async function passOn(from: ReadableStream<Uint8Array>, to: NodeJS.WriteStream): Promise<string[]> {
  const found = new Set<string>();
  let before = "";
  for await (const chunk of from) {
    to.write(chunk);
    const text = before + Buffer.from(chunk).toString("latin1");
    for (const name of secretsIn(text)) found.add(name);
    before = text.slice(-OVERLAP_CHARACTERS);
  }
  return [...found];
}

/** Searches the command line and the environment of every process that the code under test starts. */
function watchChildren(): void {
  const source = resolve(import.meta.dir, "../src/");
  for (const name of ["spawn", "spawnSync"] as const) {
    const original = Bun[name] as (...words: unknown[]) => unknown;
    const watched = (...words: unknown[]): unknown => {
      // The line of this function comes first, its caller's second.
      const [, , caller = ""] = (new Error().stack ?? "").split("\n");
      if (caller.includes(source)) {
        const [first, second] = words as [string[] | { cmd: string[] }, { env?: object } | undefined];
        const [command, options] = Array.isArray(first) ? [first, second] : [first.cmd, first];
        const environment = (options as { env?: object } | undefined)?.env ?? process.env;
        noteSecrets(`the child ${command[0]} of ${caller.trim()}`, JSON.stringify([command, environment]));
      }
      return original(...words);
    };
    Object.assign(Bun, { [name]: watched });
  }
}

/** The command line of this process; Bun does not tell what stands before the test file. */
function ownWords(): string[] {
  if (process.platform === "linux")
    return readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
  const { stdout } = Bun.spawnSync(["ps", "-ww", "-o", "args=", "-p", String(process.pid)]);
  return stdout.toString().trim().split(/\s+/);
}
