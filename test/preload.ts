import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { noteSecrets, SCRATCH } from "./canaries.ts";
import { configureTestLog } from "./captured-log.ts";
import { runElsewhere } from "./elsewhere.ts";

if (process.env[SCRATCH] === undefined) process.exit(await runElsewhere(ownWords().slice(1)));

configureTestLog();
watchChildren();

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
