import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { StateDatabase } from "../../../src/validator/state/database.ts";
import { scratchFolders } from "../../scratch.ts";
import { codeOf } from "./states.ts";
import { IDENTITY, stateAfter, stepOf } from "./steps.ts";

const folder = scratchFolders("state");

function loaded(directory: string) {
  const state = StateDatabase.open(directory, IDENTITY);
  try {
    return state.load();
  } finally {
    state.close();
  }
}

describe("kill -9 in the middle of commits", () => {
  test("leaves the last step that was acknowledged, or the one after it, whole", async () => {
    const directory = folder();
    let last = 0;
    for (let round = 0; round < 24; round++) {
      const child = Bun.spawn([process.execPath, join(import.meta.dir, "committer.ts"), directory], {
        stdout: "pipe",
        stderr: "inherit",
      });
      let text = "";
      // Killed after some commits, at a moment between two acknowledgements that differs from round to round.
      const wanted = 3 + (round % 5);
      const reader = child.stdout.getReader();
      while (text.split("\n").length <= wanted) {
        const { value, done } = await reader.read();
        if (done) throw new Error("the child ended by itself");
        text += Buffer.from(value).toString("utf8");
      }
      const until = performance.now() + (round % 8) / 2;
      while (performance.now() < until);
      child.kill("SIGKILL");
      await child.exited;
      for (let part = await reader.read(); !part.done; part = await reader.read())
        text += Buffer.from(part.value).toString("utf8");
      const acknowledged = Number(text.slice(0, text.lastIndexOf("\n")).split("\n").at(-1));
      const { created: _, ...saved } = loaded(directory)!;
      expect(saved.steps).toBeGreaterThan(last);
      expect(saved.steps - acknowledged).toBeWithin(0, 2);
      expect(saved).toEqual(stateAfter(saved.steps));
      last = saved.steps;
    }
  }, 60_000);
});

describe("a disk that takes nothing", () => {
  /** Another writer on the same file stands for any fault that passes. */
  function blocked(directory: string, work: () => void): void {
    const other = new Database(join(directory, "state.sqlite"));
    other.run("BEGIN IMMEDIATE");
    try {
      work();
    } finally {
      other.run("ROLLBACK");
      other.close();
    }
  }

  test("loses nothing: what waits is written with the next commit", () => {
    const directory = folder();
    const state = StateDatabase.open(directory, IDENTITY);
    state.commit(stepOf(1));
    blocked(directory, () => {
      for (let step = 2; step <= 30; step++)
        expect(codeOf(() => state.commit(stepOf(step)))).toBe("state.unwritable");
    });
    expect(state.isBehind).toBe(true);
    state.commit(stepOf(31));
    expect(state.isBehind).toBe(false);
    state.close();
    expect(loaded(directory)).toMatchObject(stateAfter(31));
  });

  test("keeps the record of weights, and what became of them, until it does", () => {
    const directory = folder();
    const state = StateDatabase.open(directory, IDENTITY);
    const submission = { id: "a", block: 1, path: "plain" as const, uids: [1], values: [65_535] };
    state.recordSubmission(submission);
    blocked(directory, () => {
      expect(codeOf(() => state.settleSubmission("a", { state: "included" }))).toBe("state.unwritable");
      expect(codeOf(() => state.recordSubmission({ ...submission, id: "b" }))).toBe("state.unwritable");
      const settled = codeOf(() => state.settleSubmission("b", { state: "refused", error: "too early" }));
      expect(settled).toBe("state.unwritable");
    });
    state.close();
    const again = StateDatabase.open(directory, IDENTITY);
    expect(again.submissions.map(({ id, state: now }) => [id, now])).toEqual([
      ["a", "included"],
      ["b", "refused"],
    ]);
    again.close();
  });

  /** Takes what is left of a disk. */
  function fill(path: string): void {
    try {
      for (;;) appendFileSync(path, Buffer.alloc(4096));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
    }
  }

  const isRoot = process.getuid?.() === 0;
  const mount = (place: string): boolean =>
    Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", place]).exitCode === 0;
  const unmount = (place: string): unknown => Bun.spawnSync(["umount", "-l", place]);
  const canMount = ((): boolean => {
    if (!isRoot || process.platform !== "linux") return false;
    const place = folder();
    const isMounted = mount(place);
    if (isMounted) unmount(place);
    return isMounted;
  })();
  if (!canMount) process.stderr.write("the test of a full disk is skipped: this user cannot mount one\n");

  test.skipIf(!canMount)("that is full keeps the last commit, and takes the rest when there is room", () => {
    const place = folder();
    expect(mount(place)).toBe(true);
    try {
      const ballast = join(place, "ballast");
      const elsewhere = join(place, "another");
      StateDatabase.open(elsewhere, IDENTITY).close();
      const state = StateDatabase.open(place, IDENTITY);
      state.commit(stepOf(1));
      writeFileSync(ballast, Buffer.alloc(200_000));
      let step = 1;
      let code = "nothing";
      while (code === "nothing" && step < 100) code = codeOf(() => state.commit(stepOf(++step)));
      expect(code).toBe("state.full");
      const written = step - 1;
      for (let more = 0; more < 3; more++)
        expect(codeOf(() => state.commit(stepOf(++step)))).toBe("state.full");

      // What another program sees now, as a start after a power cut would.
      const reader = new Database(join(place, "state.sqlite"), { readonly: true });
      expect(reader.query("SELECT value FROM meta WHERE name = 'steps'").get()).toEqual({ value: written });
      reader.close();

      // A start finds no room for the index of the log.
      fill(ballast);
      expect(codeOf(() => StateDatabase.open(elsewhere, IDENTITY))).toBe("state.full");

      rmSync(ballast);
      state.commit(stepOf(++step));
      state.close();
      expect(loaded(place)).toMatchObject(stateAfter(step));
    } finally {
      unmount(place);
    }
  });

  test.skipIf(isRoot)("refuses a folder that may not be written", () => {
    const directory = join(folder(), "closed");
    mkdirSync(directory, { mode: 0o500 });
    expect(codeOf(() => StateDatabase.open(directory, IDENTITY))).toBe("state.unwritable");
    chmodSync(directory, 0o700);
  });

  test("refuses a folder that cannot be made", () => {
    const file = join(folder(), "file");
    writeFileSync(file, "");
    expect(codeOf(() => StateDatabase.open(join(file, "below"), IDENTITY))).toBe("state.unwritable");
  });
});

describe("a state that another program puts away", () => {
  const parts = ["", "-wal", "-shm"];
  const move = (from: string, to: string): void => {
    for (const part of parts) if (existsSync(from + part)) renameSync(from + part, to + part);
  };

  test("is told, and has everything when it is put back", () => {
    const directory = folder();
    const path = join(directory, "state.sqlite");
    const state = StateDatabase.open(directory, IDENTITY);
    state.commit(stepOf(1));
    move(path, join(directory, "away"));
    expect(codeOf(() => state.commit(stepOf(2)))).toBe("state.unwritable");
    expect(state.isBehind).toBe(true);
    move(join(directory, "away"), path);
    state.commit(stepOf(3));
    state.close();
    expect(loaded(directory)).toMatchObject(stateAfter(3));
  });

  test("is not written over what lies in its place", () => {
    const directory = folder();
    const path = join(directory, "state.sqlite");
    const state = StateDatabase.open(directory, IDENTITY);
    state.commit(stepOf(1));
    move(path, join(directory, "away"));
    const other = StateDatabase.open(directory, IDENTITY);
    other.commit(stepOf(7));
    other.close();
    expect(codeOf(() => state.commit(stepOf(2)))).toBe("state.unwritable");
    state.close();
    expect(loaded(directory)).toMatchObject(stateAfter(7));
  });
});

describe("damage", () => {
  test("is found when the state is opened, wherever it is", () => {
    const directory = folder();
    const path = join(directory, "state.sqlite");
    const state = StateDatabase.open(directory, IDENTITY);
    for (let step = 1; step <= 5; step++) state.commit(stepOf(step));
    state.close();
    const whole = readFileSync(path);
    for (let cut = 0; cut < whole.length; cut += 40_000) {
      // An empty file is a new one.
      if (cut === 0) continue;
      writeFileSync(path, whole.subarray(0, cut));
      expect(codeOf(() => loaded(directory))).toBe("state.corrupt");
    }
    for (let page = 0; page < whole.length; page += 4096 * 7) {
      const broken = Buffer.from(whole);
      broken.fill(0xa5, page, page + 512);
      writeFileSync(path, broken);
      expect(codeOf(() => loaded(directory))).toBe("state.corrupt");
    }
    writeFileSync(path, whole);
    expect(loaded(directory)!.steps).toBe(5);
  });
});

describe("a step", () => {
  /** Bytes that this process gave to write calls, of which only the state makes any here. */
  const written = (): number => Number(/^wchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))![1]);
  const STEPS = 320;

  test.skipIf(process.platform !== "linux")(
    "of 50 vectors of 384 dimensions on 256 uids writes at most 64 KB, and the same once more when the log is carried over",
    () => {
      const directory = folder();
      const state = StateDatabase.open(directory, IDENTITY);
      state.commit(stepOf(1));
      const before = written();
      const bytes: number[] = [];
      let longest = 0;
      for (let step = 2; step <= STEPS; step++) {
        const commit = stepOf(step);
        const bytesBefore = written();
        // Time of this process alone: how long the disk takes is a matter of who else writes to it.
        const started = process.cpuUsage();
        state.commit(commit);
        const { user, system } = process.cpuUsage(started);
        longest = Math.max(longest, (user + system) / 1000);
        bytes.push(written() - bytesBefore);
      }
      const perStep = (written() - before) / (STEPS - 1);
      const wal = statSync(join(directory, "state.sqlite-wal")).size;
      state.close();
      // Most commits carry nothing over.
      expect(bytes.sort((a, b) => a - b)[STEPS >> 1]).toBeLessThan(65_536);
      // 50 vectors of 768 bytes, in the log and then in the file, are 76 800 bytes.
      expect(perStep).toBeLessThan(100_000);
      expect(wal).toBeLessThan(2_000_000);
      expect(longest).toBeLessThan(100);
    },
  );
});
