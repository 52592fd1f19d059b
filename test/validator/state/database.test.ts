import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StateDatabase } from "../../../src/validator/state/database.ts";
import { STATE_VERSION } from "../../../src/validator/state/schema.ts";
import { scratchFolders } from "../../scratch.ts";
import { codeOf, rows, scoresOf } from "./states.ts";
import { IDENTITY } from "./steps.ts";

const folder = scratchFolders("state");

/** Opens, works, closes, so that the next one reads what a restart would. */
function session<T>(directory: string, work: (state: StateDatabase) => T): T {
  const state = StateDatabase.open(directory, IDENTITY);
  try {
    return work(state);
  } finally {
    state.close();
  }
}
const loaded = (directory: string) => session(directory, (state) => state.load());

describe("the state", () => {
  test("holds nothing before the first commit", () => {
    const directory = folder();
    expect(loaded(directory)).toBeUndefined();
    expect(loaded(directory)).toBeUndefined();
  });

  test("gives back what was committed, to the last digit", () => {
    const directory = folder();
    const scores = scoresOf(0.1, 1 / 3, 1e-38, 0);
    scores.neurons[2]!.registeredAt = undefined;
    session(directory, (state) =>
      state.commit({
        steps: 3,
        evidence: { countedSteps: 2, blocks: 40 },
        scores,
        judge: { json: { count: 7, text: "é" }, tables: { diversity: { put: rows([[5, [1, 2, 3]]]) } } },
        router: { json: null, tables: { gating: { put: rows([[0, [0.1, -0.1]]]) } } },
      }),
    );
    const saved = loaded(directory)!;
    expect(saved.scores).toEqual(scores);
    expect(saved.steps).toBe(3);
    expect(saved.evidence).toEqual({ countedSteps: 2, blocks: 40 });
    expect(saved.judge!.json).toEqual({ count: 7, text: "é" });
    expect(saved.judge!.tables.diversity).toEqual(rows([[5, [1, 2, 3]]]));
    expect(saved.router).toEqual({ json: null, tables: { gating: rows([[0, [0.1, -0.1]]]) } });
    expect(new Date(saved.created).getTime()).toBeLessThanOrEqual(Date.now());
  });

  test("keeps a part that a commit says nothing of, and forgets the uids of a shrunken subnet", () => {
    const directory = folder();
    session(directory, (state) => {
      state.commit({ steps: 1, scores: scoresOf(1, 2, 3), judge: { json: 1, tables: {} } });
      state.commit({ steps: 2 });
      state.commit({ steps: 3, scores: scoresOf(1, 5) });
    });
    const saved = loaded(directory)!;
    expect([saved.steps, [...saved.scores.scores], saved.judge?.json]).toEqual([3, [1, 5], 1]);
  });

  test("leaves no write-ahead log behind when it is closed", () => {
    const directory = folder();
    session(directory, (state) => state.commit({ steps: 1, scores: scoresOf(1) }));
    expect(readdirSync(directory)).toEqual(["state.sqlite"]);
    expect(statSync(join(directory, "state.sqlite")).mode & 0o077).toBe(0);
  });
});

describe("rows", () => {
  const put = (keys: number[], value = 0) => rows(keys.map((key) => [key, [key, value]]));
  const keysOf = (directory: string) => [...loaded(directory)!.judge!.tables.t!.keys()];
  const commit = (state: StateDatabase, change: object, steps = 1) =>
    state.commit({ steps, judge: { json: 0, tables: { t: { put: new Map(), ...change } } } });

  test("are added, replaced, dropped below a key, and dropped when they are not named", () => {
    const directory = folder();
    session(directory, (state) => commit(state, { put: put([0, 1, 2, 3]) }));
    session(directory, (state) => commit(state, { put: put([2, 4], 9), deleteBelow: 1 }));
    expect(loaded(directory)!.judge!.tables.t).toEqual(
      new Map([...put([1]), ...put([2], 9), ...put([3]), ...put([4], 9)]),
    );
    session(directory, (state) => commit(state, { put: put([7]), isWhole: true }));
    expect(keysOf(directory)).toEqual([7]);
    session(directory, (state) => commit(state, { deleteBelow: 100 }));
    expect(keysOf(directory)).toEqual([]);
  });

  test("of a history that forgets as much as it learns do not make the file grow", () => {
    const directory = folder();
    const sizes: number[] = [];
    for (let step = 0; step < 60; step++) {
      const batch = rows(Array.from({ length: 10 }, (_, at) => [10 * step + at, Array(96).fill(step)]));
      session(directory, (state) => commit(state, { put: batch, deleteBelow: 10 * step - 190 }, step));
      sizes.push(statSync(join(directory, "state.sqlite")).size);
    }
    expect(keysOf(directory)).toEqual(Array.from({ length: 200 }, (_, at) => 400 + at));
    expect(sizes.at(-1)).toBe(sizes[20]!);
  });

  test("are stored as half floats exactly when that loses nothing", () => {
    const directory = folder();
    const half = Float32Array.from(new Float16Array([0.1, -3.3, 65_504, 6e-8, -0]));
    const full = Float32Array.of(0.1, 65_536, 1e-30);
    session(directory, (state) =>
      commit(state, {
        put: new Map([
          [0, half],
          [1, full],
        ]),
      }),
    );
    expect(loaded(directory)!.judge!.tables.t).toEqual(
      new Map([
        [0, half],
        [1, full],
      ]),
    );
    const database = new Database(join(directory, "state.sqlite"), { readonly: true });
    expect(database.query("SELECT length(numbers) AS n FROM rows_1 ORDER BY key").all()).toEqual([
      { n: 10 },
      { n: 12 },
    ]);
    database.close();
  });
});

describe("a number that is not finite", () => {
  test("is refused, and the sound rest of the step is written", () => {
    const directory = folder();
    session(directory, (state) => {
      state.commit({
        steps: 1,
        scores: scoresOf(0.5, 0.25),
        judge: { json: { mean: 1 }, tables: { t: { put: rows([[0, [1, 1]]]) } } },
      });
      const bad = {
        steps: 2,
        scores: scoresOf(Number.NaN, 0.75),
        judge: {
          json: { mean: Number.POSITIVE_INFINITY },
          tables: {
            t: {
              put: rows([
                [0, [1, Number.NaN]],
                [1, [2, 2]],
              ]),
            },
          },
        },
      };
      expect(codeOf(() => state.commit(bad))).toBe("state.bad-number");
      expect(state.isBehind).toBe(false);
    });
    const saved = loaded(directory)!;
    expect(saved.steps).toBe(2);
    expect([...saved.scores.scores]).toEqual([0.5, 0.75]);
    expect(saved.judge).toEqual({
      json: { mean: 1 },
      tables: {
        t: rows([
          [0, [1, 1]],
          [1, [2, 2]],
        ]),
      },
    });
  });
});

describe("the state is refused", () => {
  test("when it is of another network, subnet or hotkey", () => {
    const directory = folder();
    session(directory, (state) => state.commit({ steps: 1 }));
    for (const other of [{ genesis: "0xdef" }, { netuid: 2 }, { hotkey: "5G" }])
      expect(codeOf(() => StateDatabase.open(directory, { ...IDENTITY, ...other }))).toBe("state.foreign");
    expect(loaded(directory)!.steps).toBe(1);
  });

  test("when a newer program wrote it", () => {
    const directory = folder();
    session(directory, (state) => state.commit({ steps: 1 }));
    const database = new Database(join(directory, "state.sqlite"));
    database.run(`PRAGMA user_version = ${STATE_VERSION + 1}`);
    database.close();
    expect(codeOf(() => StateDatabase.open(directory, IDENTITY))).toBe("state.newer");
    expect(() => StateDatabase.open(directory, IDENTITY)).toThrow(
      `written by a newer openvalidator (state version ${STATE_VERSION + 1}, this one knows ${STATE_VERSION})`,
    );
  });

  test("when it is no database, or a damaged one", () => {
    const directory = folder();
    const path = join(directory, "state.sqlite");
    writeFileSync(path, Buffer.alloc(5000, 7));
    expect(codeOf(() => StateDatabase.open(directory, IDENTITY))).toBe("state.corrupt");
  });

  test.each([
    ["values that are no JSON", "UPDATE meta SET value = '{' WHERE name = 'judge'"],
    ["steps that are no number", "UPDATE meta SET value = 'many' WHERE name = 'steps'"],
    ["a record of weights that is no JSON", "UPDATE submissions SET uids = '['"],
    ["a record of weights of another kind", "UPDATE submissions SET uids = '7'"],
    ["rows without their numbers", "ALTER TABLE rows_1 RENAME COLUMN numbers TO nimbers"],
    ["rows without their key", "ALTER TABLE rows_1 RENAME COLUMN key TO kez"],
    ["no table of scores", "DROP TABLE scores"],
    ["no identity", "DROP TABLE meta"],
  ])("when it is sound for SQLite and has %s", (_, statement) => {
    const directory = folder();
    session(directory, (state) => {
      state.commit({
        steps: 1,
        scores: scoresOf(1),
        judge: { json: 1, tables: { diversity: { put: rows([[5, [1, 2, 3]]]) } } },
      });
      state.recordSubmission({ id: "a", block: 1, path: "plain", uids: [1], values: [65_535] });
    });
    const database = new Database(join(directory, "state.sqlite"));
    database.run(statement);
    database.close();
    expect(codeOf(() => loaded(directory))).toBe("state.corrupt");
  });
});

describe("weights on their way", () => {
  const submission = (id: string) => ({
    id,
    block: 10,
    path: "timelocked" as const,
    uids: [1, 2],
    values: [3, 65_535],
  });
  const reveal = {
    id: "r",
    mecid: 0,
    committed: 11,
    revealRound: 77,
    revealBlock: 20,
    uid: 0,
    uids: [1, 2],
    values: [3, 65_535],
  };

  test("are written down before they are sent, and what became of them after", () => {
    const directory = folder();
    session(directory, (state) => state.recordSubmission(submission("a")));
    session(directory, (state) => {
      expect(state.submissions).toEqual([
        { ...submission("a"), state: "prepared", extrinsic: null, error: null, nonce: null, mecid: 0 },
      ]);
      state.settleSubmission("a", { state: "included", block: 12, extrinsic: "0x1" });
    });
    session(directory, (state) =>
      expect(state.submissions).toEqual([
        {
          ...submission("a"),
          block: 12,
          state: "included",
          extrinsic: "0x1",
          error: null,
          nonce: null,
          mecid: 0,
        },
      ]),
    );
  });

  test("and only some of the settled ones stay", () => {
    const directory = folder();
    session(directory, (state) => {
      for (let at = 0; at < 40; at++) {
        state.recordSubmission(submission(`s${at}`));
        if (at > 0) state.settleSubmission(`s${at}`, { state: "refused", error: "no" });
      }
    });
    session(directory, (state) => {
      expect(state.submissions.length).toBeLessThan(25);
      expect(state.submissions.map(({ id }) => id)).toContain("s0");
      expect(state.submissions.at(-1)).toMatchObject({ id: "s39", state: "refused", error: "no" });
    });
  });

  test("wait for their reveal across restarts", () => {
    const directory = folder();
    session(directory, (state) => state.addReveal(reveal));
    session(directory, (state) => {
      expect(state.pendingReveals()).toEqual([reveal]);
      state.settleReveal("r");
    });
    session(directory, (state) => expect(state.pendingReveals()).toEqual([]));
    expect(existsSync(join(directory, "state.sqlite-wal"))).toBe(false);
  });
});
