import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFile } from "../../src/base/lock.ts";
import { asBlock, asHotkey } from "../../src/base/units.ts";
import { StateDatabase } from "../../src/validator/state/database.ts";
import { captured } from "./captured.ts";

const logs = mkdtempSync(join(tmpdir(), "ov-state-cli-"));
afterAll(() => rmSync(logs, { recursive: true, force: true }));

const IDENTITY = { genesis: "0xabc", netuid: 7, hotkey: "5F" };

/** The state folder of a wallet of this name, and the command line for it. */
function place(wallet: string) {
  const directory = join(logs, wallet, "default", "netuid7", "core_prompting_validator");
  const cli = (...words: string[]) =>
    captured(["state", ...words, "--logging.logging_dir", logs, "--wallet.name", wallet, "--netuid", "7"]);
  return { directory, cli };
}

function commit(state: StateDatabase, steps: number): void {
  state.commit({
    steps,
    evidence: { countedSteps: steps - 1, blocks: 30 },
    scores: {
      neurons: Array.from({ length: 12 }, (_, uid) => ({
        hotkey: asHotkey(`key${uid}`),
        registeredAt: uid === 0 ? undefined : asBlock(100 + uid),
      })),
      scores: Float32Array.from({ length: 12 }, (_, uid) => uid / 16),
      asked: Uint32Array.from({ length: 12 }, (_, uid) => uid),
    },
    judge: { json: 1, tables: { diversity: { put: new Map([[0, Float32Array.of(1, 2)]]) } } },
  });
}

test("state show tells whose state it is, how much it rests on, the highest scores, and what is on its way", async () => {
  const { directory, cli } = place("shown");
  const state = StateDatabase.open(directory, IDENTITY);
  commit(state, 5);
  state.recordSubmission({ id: "s", block: 10, path: "timelocked", uids: [1, 2], values: [1, 65_535] });
  state.addReveal({
    id: "r",
    mecid: 0,
    committed: 11,
    revealRound: 77,
    revealBlock: 20,
    uid: 0,
    uids: [1],
    values: [9],
  });
  // The validator still runs.
  const shown = await cli("show");
  expect(shown).toMatchObject({ exitCode: 0, stderr: "" });
  expect(shown.stdout).toContain("Steps      5, of which 4 counted, over 30 blocks");
  expect(shown.stdout).toContain("Memory     judge diversity: 1 row,");
  expect(shown.stdout).toContain("Weights    prepared, 2 miners, block 10, timelocked");
  expect(shown.stdout).toContain("Reveal     pending: committed in block 11, expected in block 20");
  expect(shown.stdout).toMatch(/uid +hotkey +score +asked\n.*\n +11 +key11 +0\.687500 +11\n/);
  expect(shown.stdout).toContain("… and 2 more");
  const json = JSON.parse((await cli("show", "--json")).stdout);
  expect(json).toMatchObject({ ...IDENTITY, steps: 5, counted_steps: 4, blocks: 30 });
  expect(json.scores[0]).toEqual({ uid: 0, hotkey: "key0", registered_at: null, score: 0, asked: 0 });
  expect(json.scores).toHaveLength(12);
  expect(json.reveals).toMatchObject([{ id: "r", reveal_round: 77, reveal_block: 20 }]);
  state.close();
});

test("state backup copies one moment while a validator runs, overwrites nothing, and can be gone on with", async () => {
  const { directory, cli } = place("copied");
  const target = join(logs, "copy.sqlite");
  const state = StateDatabase.open(directory, IDENTITY);
  commit(state, 5);
  expect(await cli("backup", target)).toMatchObject({ exitCode: 0, stdout: `${target}\n`, stderr: "" });
  commit(state, 6);
  state.close();
  const again = await cli("backup", target);
  expect(again.exitCode).toBe(73);
  expect(again.stderr).toContain("exists already");

  const { directory: other } = place("restored");
  StateDatabase.open(other, IDENTITY).close();
  rmSync(join(other, "state.sqlite"));
  await Bun.write(join(other, "state.sqlite"), Bun.file(target));
  const restored = StateDatabase.open(other, IDENTITY);
  expect(restored.load()!.steps).toBe(5);
  commit(restored, 6);
  expect(restored.load()!.judge!.tables.diversity!.get(0)).toEqual(Float32Array.of(1, 2));
  restored.close();
});

test("state reset moves the state aside, but not under a validator that runs", async () => {
  const { directory, cli } = place("reset");
  const state = StateDatabase.open(directory, IDENTITY);
  commit(state, 5);
  const unlock = lockFile(join(directory, "lock"));
  const refused = await cli("reset");
  expect(refused.exitCode).toBe(73);
  expect(refused.stderr).toContain("already works with this wallet");
  state.close();
  unlock();

  const done = await cli("reset");
  expect(done).toMatchObject({ exitCode: 0, stderr: "" });
  const [kept] = /\S+state\.sqlite\.reset-\d{8}T\d{6}Z/.exec(done.stdout)!;
  expect(existsSync(kept)).toBe(true);
  expect(readdirSync(directory).sort()).toEqual(["lock", kept.slice(directory.length + 1)]);
  const fresh = StateDatabase.open(directory, IDENTITY);
  expect(fresh.load()).toBeUndefined();
  fresh.close();
});

test("state reset moves a damaged state and its log aside as well", async () => {
  const { directory, cli } = place("damaged");
  StateDatabase.open(directory, IDENTITY).close();
  await Bun.write(join(directory, "state.sqlite"), Buffer.alloc(9000, 1));
  await Bun.write(join(directory, "state.sqlite-wal"), Buffer.alloc(50, 1));
  await Bun.write(join(directory, "state.bin"), "old");
  expect((await cli("reset")).exitCode).toBe(0);
  expect(readdirSync(directory).filter((name) => !name.includes(".reset-"))).toEqual(["lock"]);
});

test("a folder without a state is named, and nothing is made in it", async () => {
  const { directory, cli } = place("nobody");
  for (const words of [["show"], ["reset"], ["backup", join(logs, "x")]]) {
    const none = await cli(...words);
    expect(none.exitCode).toBe(78);
    expect(none.stderr).toContain("there is no state in");
  }
  expect(existsSync(directory)).toBe(false);
});
