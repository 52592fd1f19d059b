import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolders } from "../scratch.ts";
import { wandbDoubles } from "./doubles.ts";
import { KEY, ReportedFeed } from "./validator.ts";

const makeDouble = wandbDoubles();

const folder = scratchFolders("wandb-commands");
const MAIN = join(import.meta.dir, "../../src/main.ts");

/** Runs the program; `input` is its standard input. */
async function run(words: string[], environment: Record<string, string>, input = "") {
  const child = Bun.spawn([process.execPath, MAIN, ...words], {
    env: { ...process.env, WANDB_API_KEY: "", ...environment },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [printed, said] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, printed, said };
}

test("login keeps a key that the server knows, and no other; sync sends with it what waits", async () => {
  const server = makeDouble({ entity: "mine" });
  const home = folder();
  const environment = { HOME: home, WANDB_BASE_URL: server.url };
  const netrc = join(home, ".netrc");

  const wrong = await run(["wandb", "login"], environment, "another-key\n");
  expect(wrong.exitCode).toBe(78);
  expect(wrong.said).toContain("does not know this key");
  expect(wrong.said).not.toContain("another-key");
  expect(existsSync(netrc)).toBe(false);

  const logs = join(home, "logs");
  const words = [
    "wandb",
    "sync",
    "--logging.logging_dir",
    logs,
    "--wallet.name",
    "w",
    "--wallet.hotkey",
    "h",
  ];
  const early = await run(words, environment);
  expect(early.exitCode).toBe(78);
  expect(early.said).toContain("there is no W&B key");

  const right = await run(["wandb", "login"], environment, `${KEY}\n`);
  expect(right).toMatchObject({ exitCode: 0 });
  expect(right.printed).toContain("mine");
  expect(readFileSync(netrc, "utf8")).toContain(KEY);

  const validator = new ReportedFeed(join(logs, "w/h/netuid1/core_prompting_validator"));
  validator.start();
  validator.emit(5);
  await validator.stop();
  const synced = await run(words, environment);
  expect(synced).toMatchObject({ exitCode: 0 });
  expect(synced.printed).toMatch(/^[a-z0-9]{8} {2}9 rows {2}http/);
  expect(server.rows().map((row) => row.sequence)).toEqual(validator.events.map(({ sequence }) => sequence));
  expect((await run(words, environment)).printed).toBe("Nothing waits.\n");
}, 60_000);
