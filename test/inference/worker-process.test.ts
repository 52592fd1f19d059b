import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("worker-process");

function isRunning(pid: number): boolean {
  const state = Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)])
    .stdout.toString()
    .trim();
  return state !== "" && !state.startsWith("Z");
}

test("a worker that hangs does not outlive a program that ends at once", async () => {
  const module = join(import.meta.dir, "../../src/inference/worker-process.ts");
  const pidFile = join(folder(), "pid");
  // As deaf as a hung driver: it does not notice that its parent is gone.
  const command = ["/bin/sh", "-c", `echo $$ > ${pidFile}; exec /bin/sleep 60`];
  const program = `
    const { WorkerProcess } = await import(${JSON.stringify(module)});
    WorkerProcess.start(${JSON.stringify(command)}, {}, {}).catch(() => undefined);
    while (!(await Bun.file(${JSON.stringify(pidFile)}).exists())) await Bun.sleep(20);
    await Bun.sleep(50);
    process.exit(130);`;
  const parent = Bun.spawn([process.execPath, "-e", program], { stderr: "ignore" });
  expect(await parent.exited).toBe(130);
  const pid = Number(readFileSync(pidFile, "utf8"));
  for (let tries = 0; tries < 50 && isRunning(pid); tries++) await Bun.sleep(20);
  const outlived = isRunning(pid);
  if (outlived) process.kill(pid, "SIGKILL");
  expect(outlived).toBe(false);
});
