import { chownSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { stopped, updateFailure } from "./failure.ts";
import type { Release } from "./release.ts";

const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 64 << 10;
/** `nobody` on every system that has setpriv. */
const NOBODY = "65534";

const versionSchema = z.object({ version: z.string(), commit: z.string() });

/**
 * Runs a new executable before it takes anybody's place: with as few rights as this process can give it and nothing of
 * its environment.
 * @throws Failure `update.unfit` when it does not start here, or says it is another release
 */
export async function preflight(
  program: string,
  { version, commit }: Pick<Release, "version" | "commit">,
  signal?: AbortSignal,
): Promise<void> {
  const { code, output } = await runBare([program, "version", "--json"], signal);
  if (code !== 0) throw unfit(`${version} does not run on this machine (it ended with ${code})`);
  const said = versionSchema.safeParse(parse(output));
  if (!said.success || said.data.version !== version || said.data.commit !== commit)
    throw unfit(`${version} says it is ${said.data?.version ?? "something else"}`);
}

function unfit(message: string) {
  return updateFailure("update.unfit", { message, hint: "nothing was changed; tell the project" });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function runBare(
  command: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ code: number | string; output: string }> {
  const home = mkdtempSync(join(tmpdir(), "openvalidator-preflight-"));
  const late = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const drop = withoutRights(command[0]!);
    if (drop.includes(`--reuid=${NOBODY}`)) chownSync(home, Number(NOBODY), Number(NOBODY));
    const child = Bun.spawn([...drop, ...command], {
      cwd: "/",
      env: { PATH: "/usr/bin:/bin", HOME: home, TMPDIR: home },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
      killSignal: "SIGKILL",
    });
    const output = await readStart(child.stdout);
    await child.exited;
    if (signal?.aborted) throw stopped();
    return { code: late.aborted ? "no answer in time" : (child.signalCode ?? child.exitCode ?? -1), output };
  } catch (cause) {
    if (signal?.aborted) throw stopped();
    throw updateFailure("update.unfit", {
      message: `the new program cannot be started: ${cause instanceof Error ? cause.message : cause}`,
      hint: "nothing was changed; check that its folder allows programs (no noexec)",
      cause,
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Words before a command that take root's rights from it; none where they are not held. */
function withoutRights(program: string): string[] {
  if (process.getuid?.() !== 0 || Bun.which("setpriv") === null) return [];
  const withoutCapabilities = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"];
  // A program in the home of root is one that nobody else can start.
  if (!isOpenToAll(program)) return withoutCapabilities;
  return ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--no-new-privs"];
}

function isOpenToAll(path: string): boolean {
  const EXECUTE = 0o001;
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & EXECUTE) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function readStart(stream: ReadableStream<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    // Read on, so that the program does not wait for a reader.
    if (bytes < MAX_OUTPUT_BYTES) parts.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(parts).toString("utf8", 0, MAX_OUTPUT_BYTES);
}
