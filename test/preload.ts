import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configureLog } from "../src/base/log.ts";

/** Names the folder of a test run to the run itself. */
const SCRATCH = "OV_TESTS_SCRATCH";

if (process.env[SCRATCH] === undefined) process.exit(await runElsewhere());

// Tests provoke many warnings on purpose; a reader of the test output wants to see failures only.
configureLog({ level: "error", format: "plain" });

/**
 * Runs this command line once more, with a home and a folder for temporary files of its own, which are removed
 * afterwards: neither tests, nor native code, nor the programs that they start leave anything with the person who runs
 * them. A process of its own, because native code and children read the environment that a process began with.
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
  };
  // These would lead past the home folder.
  for (const name of ["CACHE", "CONFIG", "DATA", "STATE"]) delete environment[`XDG_${name}_HOME`];
  try {
    for (const folder of [environment.HOME!, environment.TMPDIR!]) mkdirSync(folder);
    const [, ...words] = ownWords();
    const child = Bun.spawn([process.execPath, ...words], {
      env: environment,
      stdio: ["inherit", "inherit", "inherit"],
    });
    // A terminal or `timeout` signals both; this one stays to clean up.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
    await child.exited;
    return child.exitCode ?? 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The command line of this process; Bun does not tell what stands before the test file. */
function ownWords(): string[] {
  if (process.platform === "linux")
    return readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
  const { stdout } = Bun.spawnSync(["ps", "-ww", "-o", "args=", "-p", String(process.pid)]);
  return stdout.toString().trim().split(/\s+/);
}
