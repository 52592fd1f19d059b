import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CANARY, notedSecrets, SCRATCH, searchFolder, secretsIn } from "./canaries.ts";

/** Longer than any form of a secret, which may lie across two pieces. */
const OVERLAP_CHARACTERS = 512;

/**
 * Runs Bun with these words, with a home and a folder for temporary files of its own, which are removed
 * afterwards: neither tests, nor native code, nor the programs that they start leave anything with the person who runs
 * them. A process of its own, because native code and children read the environment that a process began with. What it
 * prints and what it leaves behind is searched for the secrets of the tests.
 * @returns its exit code
 */
export async function runElsewhere(words: readonly string[]): Promise<number> {
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
