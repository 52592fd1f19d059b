import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, utimesSync } from "node:fs";
import { basename, join } from "node:path";
import { workFolder } from "../../src/analysis/work-folder.ts";
import { scratchFolders } from "../scratch.ts";

const scratch = scratchFolders("work-folder");
const YESTERDAY_S = Date.now() / 1000 - 25 * 3600;

test("what a killed process left goes after a day, and nothing else", () => {
  const parent = scratch();
  const gone = Bun.spawnSync(["true"]).pid;
  const old = [`sources-${gone}-aaaaaa`, `warehouse-${gone}-bbbbbb`, `sources-${process.pid}-cccccc`, "mine"];
  for (const name of [...old, `sources-${gone}-dddddd`])
    mkdirSync(join(parent, name, "inner"), { recursive: true });
  for (const name of old) utimesSync(join(parent, name), YESTERDAY_S, YESTERDAY_S);
  const made = basename(workFolder(parent, "warehouse"));
  expect(readdirSync(parent).sort()).toEqual(
    ["mine", `sources-${gone}-dddddd`, `sources-${process.pid}-cccccc`, made].sort(),
  );
});
