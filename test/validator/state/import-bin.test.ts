import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asHotkey } from "../../../src/base/units.ts";
import { StateDatabase } from "../../../src/validator/state/database.ts";
import { reportState } from "../../../src/validator/state/report.ts";
import { STATE_FILE, STATE_VERSION } from "../../../src/validator/state/schema.ts";
import { scratchFolders } from "../../scratch.ts";
import { codeOf } from "./states.ts";
import { IDENTITY } from "./steps.ts";

const folder = scratchFolders("state");

const GOLDEN = join(import.meta.dir, "../../golden/state");

function withBin(golden: string, name = "state.bin", directory = folder()): string {
  copyFileSync(join(GOLDEN, golden), join(directory, name));
  return directory;
}

function loaded(directory: string) {
  const state = StateDatabase.open(directory, IDENTITY);
  try {
    return state.load();
  } finally {
    state.close();
  }
}

/** The same content with a checksum that fits. */
function rewrite(path: string, change: (body: Buffer) => Buffer): void {
  const file = readFileSync(path);
  const body = change(file.subarray(file.indexOf(0x0a) + 1));
  const digest = new Bun.CryptoHasher("sha256").update(body).digest("hex");
  writeFileSync(path, Buffer.concat([Buffer.from(`openvalidator-state 1 ${digest}\n`), body]));
}

describe("the state.bin of 0.1.0", () => {
  test.each(["version-1.bin", "version-1-router.bin"])("is imported once: %s", (golden) => {
    const directory = withBin(golden);
    withBin(golden, "state.bin.previous", directory);
    const saved = loaded(directory)!;
    expect(saved.steps).toBe(3);
    expect(saved.scores).toEqual({
      neurons: [
        { hotkey: asHotkey("a"), registeredAt: undefined },
        { hotkey: asHotkey("b"), registeredAt: undefined },
      ],
      scores: Float32Array.of(0.25, 0.5),
      asked: Uint32Array.of(1, 1),
    });
    expect(saved.evidence).toEqual({ countedSteps: 3, blocks: 0 });
    expect(readdirSync(directory).sort()).toEqual([
      "state.bin.imported",
      "state.bin.previous.imported",
      "state.sqlite",
    ]);
    expect(loaded(directory)).toEqual(saved);
  });

  test("brings the judge's history and the router's rows along", () => {
    const directory = withBin("version-1-memories.bin");
    const { judge, router } = loaded(directory)!;
    expect(judge!.tables.diversity).toEqual(
      new Map([
        [0, Float32Array.of(1, 2)],
        [1, Float32Array.of(3, 4)],
      ]),
    );
    expect(router!.json).toMatchObject({ encoder: "words", hidden: 2 });
    expect([...router!.tables.gating!.keys()]).toEqual([0, 1]);
    expect([...router!.tables.gating!.get(1)!].slice(0, 3)).toEqual([0.25, 1, -2]);
  });

  test("gives way to the file before it when it is damaged, and is refused when that is too", () => {
    const directory = withBin("version-1.bin", "state.bin.previous");
    writeFileSync(join(directory, "state.bin"), Buffer.alloc(100));
    expect(loaded(directory)!.steps).toBe(3);

    const broken = folder();
    for (const name of ["state.bin", "state.bin.previous"])
      writeFileSync(join(broken, name), Buffer.alloc(100));
    expect(codeOf(() => loaded(broken))).toBe("state.corrupt");
    expect(existsSync(join(broken, "state.bin"))).toBe(true);
  });

  test("of another validator is refused, and binds nothing", () => {
    const directory = withBin("version-1.bin");
    expect(codeOf(() => StateDatabase.open(directory, { ...IDENTITY, genesis: "0xdef" }))).toBe(
      "state.foreign",
    );
    expect(loaded(directory)!.steps).toBe(3);
  });

  test("is imported by the next start when a run ended before it was, and retired when it ended after", () => {
    const directory = folder();
    StateDatabase.open(directory, IDENTITY).close();
    withBin("version-1.bin", "state.bin", directory);
    expect(loaded(directory)!.steps).toBe(3);
    withBin("version-1.bin", "state.bin", directory);
    expect(loaded(directory)!.steps).toBe(3);
    expect(existsSync(join(directory, "state.bin"))).toBe(false);
  });

  test("that came later than the state is left where it is", () => {
    const directory = folder();
    const state = StateDatabase.open(directory, IDENTITY);
    state.commit({ steps: 9 });
    state.close();
    withBin("version-1.bin", "state.bin", directory);
    expect(loaded(directory)!.steps).toBe(9);
    expect(existsSync(join(directory, "state.bin"))).toBe(true);
  });

  test("with a score that is no number loses that score alone", () => {
    const directory = withBin("version-1.bin");
    rewrite(join(directory, "state.bin"), (body) => {
      const changed = Buffer.from(body);
      changed.writeFloatLE(Number.NaN, body.indexOf(0x0a) + 1);
      return changed;
    });
    expect([...loaded(directory)!.scores.scores]).toEqual([0, 0.5]);
  });
});

test("there is a file of every version so far, and this program reads each", () => {
  for (let version = 1; version <= STATE_VERSION; version++) {
    const directory = folder();
    const [golden, name] =
      version === 1 ? ["version-1.bin", "state.bin"] : [`version-${version}.sqlite`, STATE_FILE];
    withBin(golden, name, directory);
    expect({ version, steps: loaded(directory)?.steps }).toEqual({ version, steps: 3 });
  }
});

test("a state of version 2 stays readable", () => {
  const directory = folder();
  copyFileSync(join(GOLDEN, "version-2.sqlite"), join(directory, "state.sqlite"));
  const state = StateDatabase.open(directory, IDENTITY);
  const saved = state.load()!;
  expect(saved.created).toBe("2026-11-28T00:00:00.000Z");
  expect(saved.steps).toBe(3);
  expect(saved.evidence).toEqual({ countedSteps: 2, blocks: 40 });
  expect([...saved.scores.scores]).toEqual([Math.fround(0.1), 0.5]);
  expect([...saved.scores.asked]).toEqual([4, 5]);
  expect(saved.scores.neurons.map(({ hotkey, registeredAt }) => [hotkey, registeredAt])).toEqual([
    ["a", 100],
    ["b", undefined],
  ] as never);
  expect(saved.judge).toEqual({
    json: { count: 7 },
    tables: { diversity: new Map([[12, Float32Array.of(0.5, -0.25)]]) },
  });
  expect(saved.router).toEqual({
    json: { encoder: "words" },
    tables: { gating: new Map([[1, Float32Array.of(0.1)]]) },
  });
  expect(state.submissions).toMatchObject([
    { id: "s", state: "sent", uids: [1], values: [65_535], nonce: null },
  ]);
  expect(state.pendingReveals()).toMatchObject([
    { id: "r", committed: 11, revealRound: 77, revealBlock: 20 },
  ]);
  state.close();
});

test("a state of version 4 keeps the mechanism of weights, which is the first in those of before", () => {
  const directory = folder();
  copyFileSync(join(GOLDEN, "version-4.sqlite"), join(directory, "state.sqlite"));
  const state = StateDatabase.open(directory, IDENTITY);
  expect(state.submissions.map(({ id, mecid }) => [id, mecid])).toEqual([
    ["s", 0],
    ["n", 0],
    ["m", 1],
  ]);
  expect(state.pendingReveals().map(({ id, mecid }) => [id, mecid])).toEqual([
    ["r", 0],
    ["m", 1],
  ]);
  state.close();
});

test.each([2, 3, 4])("a state of version %i can be looked at before a run goes on with it", (version) => {
  const directory = folder();
  copyFileSync(join(GOLDEN, `version-${version}.sqlite`), join(directory, "state.sqlite"));
  const { submissions, reveals } = reportState(directory);
  expect(submissions[0]).toMatchObject({ id: "s", nonce: null, mecid: 0 });
  expect(reveals[0]).toMatchObject({ mecid: 0 });
});

test("a state of version 3 keeps the nonce of weights", () => {
  const directory = folder();
  copyFileSync(join(GOLDEN, "version-3.sqlite"), join(directory, "state.sqlite"));
  const state = StateDatabase.open(directory, IDENTITY);
  expect(state.submissions).toMatchObject([
    { id: "s", nonce: null },
    { id: "n", state: "prepared", nonce: 4 },
  ]);
  state.close();
});
