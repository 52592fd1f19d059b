import { describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFailure } from "../../src/base/error.ts";
import { loadState, type SavedState, STATE_FILE, StateSaver, saveState } from "../../src/validator/state.ts";

const identity = { genesis: "0xabc", netuid: 1, hotkey: "5F" };
const state: SavedState = {
  hotkeys: ["a", "b"],
  scores: Float32Array.of(0.25, 0.5),
  steps: 3,
  judge: { json: { count: 7, text: "é" }, arrays: { history: Float32Array.of(1, 2, 3) } },
};
const withRouter: SavedState = {
  ...state,
  router: {
    json: { encoder: "words", hidden: 2 },
    arrays: { weights: Float32Array.of(0.5, -0.5, 0.25, 1), bias: Float32Array.of(0, -2) },
  },
};
const folder = (): string => mkdtempSync(join(tmpdir(), "ov-state-"));
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (isFailure(error)) return error.code;
    throw error;
  }
  return "nothing";
};

describe("state file", () => {
  test("gives back what was saved", async () => {
    const directory = folder();
    await saveState(directory, identity, state);
    expect(loadState(directory, identity)).toEqual(state);
  });

  test("gives back the router's layer beside everything else, and its arrays to nobody else", async () => {
    const directory = folder();
    await saveState(directory, identity, withRouter);
    expect(loadState(directory, identity)).toEqual(withRouter);
  });

  test("is missing, not empty, before the first save", () => {
    expect(loadState(folder(), identity)).toBeUndefined();
  });

  test("falls back to the file before it when cut at any place, or with any byte changed", async () => {
    const directory = folder();
    await saveState(directory, identity, { ...state, steps: 1 });
    await saveState(directory, identity, state);
    const path = join(directory, STATE_FILE);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 7) {
      writeFileSync(path, whole.subarray(0, at));
      expect(loadState(directory, identity)?.steps).toBe(1);
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 0x40;
      // The version digit of the first line may turn into another character; everything else is under the checksum.
      writeFileSync(path, flipped);
      if (at > 24) expect(loadState(directory, identity)?.steps).toBe(1);
    }
  });

  test("says what to do when no copy can be read", async () => {
    const directory = folder();
    await saveState(directory, identity, state);
    writeFileSync(join(directory, STATE_FILE), Buffer.alloc(100));
    expect(codeOf(() => loadState(directory, identity))).toBe("state.corrupt");
  });

  test("refuses the state of another network, subnet or hotkey, and of a newer version", async () => {
    const directory = folder();
    await saveState(directory, identity, state);
    for (const other of [{ genesis: "0xdef" }, { netuid: 2 }, { hotkey: "5G" }]) {
      expect(codeOf(() => loadState(directory, { ...identity, ...other }))).toBe("state.foreign");
    }
    const path = join(directory, STATE_FILE);
    writeFileSync(path, Buffer.from(readFileSync(path, "latin1").replace("state 1 ", "state 2 "), "latin1"));
    expect(codeOf(() => loadState(directory, identity))).toBe("state.newer");
  });

  test("saves one at a time, and the newest state last", async () => {
    let running = 0;
    let newest = 0;
    const saved: number[] = [];
    const saver = new StateSaver(async () => {
      expect(++running).toBe(1);
      const value = newest;
      await Bun.sleep(1);
      saved.push(value);
      running--;
    });
    for (newest = 1; newest < 5; newest++) saver.request();
    await saver.finish();
    expect(saved).toEqual([1, 5]);
  });

  test.each([
    ["version-1.bin", state],
    // The same version: a reader that knows of no router passes over what it has no use for.
    ["version-1-router.bin", withRouter],
  ])("every released form stays readable: %s", (file, content) => {
    const directory = folder();
    mkdirSync(directory, { recursive: true });
    copyFileSync(join(import.meta.dir, "../golden/state", file), join(directory, STATE_FILE));
    expect(loadState(directory, identity)).toEqual(content);
    rmSync(directory, { recursive: true });
  });
});
