import { expect, test } from "bun:test";
import { resolve } from "node:path";

/** As prctl(2) has it. */
const PR_GET_DUMPABLE = 3;
const SOURCE = resolve(import.meta.dir, "../../src/base/core-dumps.ts");
/** Prints what the process and a child of it may leave behind. */
const PROGRAM = `
  import { dlopen } from "bun:ffi";
  import { forbidCoreDumps } from ${JSON.stringify(SOURCE)};
  forbidCoreDumps();
  const { symbols } = dlopen("libc.so.6", { prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" } });
  const child = Bun.spawnSync(["grep", "core file", "/proc/self/limits"]).stdout.toString();
  console.log(JSON.stringify({ dumpable: symbols.prctl(${PR_GET_DUMPABLE}, 0n, 0n, 0n, 0n), child }));
`;

test.skipIf(process.platform !== "linux")(
  "a process that forbids core files leaves none, nor do its children",
  () => {
    const ran = Bun.spawnSync([
      "sh",
      "-c",
      'ulimit -S -c "$(ulimit -H -c)"; exec "$@"',
      "sh",
      process.execPath,
      "-e",
      PROGRAM,
    ]);
    const { dumpable, child } = JSON.parse(ran.stdout.toString());
    expect(dumpable).toBe(0);
    expect(child).toMatch(/^Max core file size +0 +0 /);
  },
);
