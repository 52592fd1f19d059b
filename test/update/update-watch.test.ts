import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { UpdateBody } from "../../src/events/schema.ts";
import { changeRecord, type Look, type News } from "../../src/update/update-record.ts";
import { UpdateWatch } from "../../src/update/update-watch.ts";
import { capturedLog } from "../captured-log.ts";
import { scratchFolders } from "../scratch.ts";

const scratch = scratchFolders("update-watch");
const log = capturedLog("warn");

const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
const look = (minute: number, more: Partial<Look> = {}): Look => ({
  at: at(minute),
  state: "checked",
  from: "1.0.0",
  to: null,
  urgency: null,
  reason: null,
  why: null,
  isUnattended: true,
  answeredAt: at(minute),
  ...more,
});
const news = (minute: number, outcome: News["outcome"], why: string | null = null): News => ({
  at: at(minute),
  outcome,
  from: "1.0.0",
  to: "1.1.0",
  why,
});

describe("the record of another process becomes events:", () => {
  let path: string;
  let told: UpdateBody[];
  let watch: UpdateWatch;
  const states = (): string[] => told.splice(0).map(({ state, at }) => `${state} ${at.slice(14, 16)}`);
  beforeEach(() => {
    path = join(scratch(), "update.json");
    told = [];
    watch = new UpdateWatch(path);
  });
  afterEach(() => watch.close());
  const open = (): void => watch.open((body) => void told.push(body));
  const add = (...more: News[]): void =>
    changeRecord(path, (record) => ({ news: [...record.news, ...more] }));

  test("each look and each piece of news once, in order", () => {
    open();
    expect(told).toEqual([]);
    changeRecord(path, () => ({ look: look(1) }));
    watch.check();
    watch.check();
    expect(states()).toEqual(["checked 01"]);
    // Nothing that is told.
    changeRecord(path, () => ({ channel: "candidate" }));
    watch.check();
    expect(told).toEqual([]);
    changeRecord(path, () => ({ look: look(2, { state: "available", to: "1.1.0", urgency: "high" }) }));
    watch.check();
    expect(told).toEqual([
      {
        kind: "update",
        state: "available",
        at: at(2),
        from: "1.0.0",
        to: "1.1.0",
        channel: "candidate",
        urgency: "high",
        reason: null,
        detail: null,
        unattended: true,
        answered_at: at(2),
        on_trial: null,
        rollbacks: 0,
      },
    ]);
    told = [];
    add(news(3, "installed"), news(4, "rolled-back", "it set no weights"));
    watch.check();
    expect(told.at(-1)).toMatchObject({ state: "rolled-back", detail: "it set no weights", rollbacks: 1 });
    expect(states()).toEqual(["installed 03", "rolled-back 04"]);
  });

  test("a run that starts tells how things stand, and not all that was", () => {
    add(news(1, "installed"), news(2, "confirmed"));
    changeRecord(path, () => ({
      look: look(3, { state: "failed", reason: "update.stale", answeredAt: at(0) }),
    }));
    open();
    expect(told.at(-1)).toMatchObject({ reason: "update.stale", answered_at: at(0) });
    expect(states()).toEqual(["confirmed 02", "failed 03"]);
  });

  test("also when old news was forgotten meanwhile", () => {
    for (let minute = 0; minute < 50; minute++) add(news(minute, "confirmed"));
    open();
    expect(states()).toEqual(["confirmed 49"]);
    add(news(50, "installed"), news(51, "confirmed"));
    watch.check();
    expect(states()).toEqual(["installed 50", "confirmed 51"]);
  });

  test("a file that is gone, damaged or of another program tells nothing, once a warning, and is read when it is back", () => {
    open();
    changeRecord(path, () => ({ look: look(1) }));
    watch.check();
    writeFileSync(path, '{"schema":1,"channel":');
    watch.check();
    writeFileSync(path, "null");
    watch.check();
    rmSync(path);
    watch.check();
    expect(states()).toEqual(["checked 01"]);
    expect(log.filter((line) => line.includes("The record of updates cannot be read"))).toHaveLength(1);
    expect(existsSync(`${path}.damaged`)).toBeFalse();
    changeRecord(path, () => ({ look: look(2) }));
    watch.check();
    expect(states()).toEqual(["checked 02"]);
  });

  test("looks of this process, also before anybody listens, and without any record", () => {
    for (const own of [new UpdateWatch(undefined), watch]) {
      own.note(look(1));
      own.note(look(2, { state: "failed", reason: "update.unreachable", answeredAt: null }));
      own.open((body) => void told.push(body));
      expect(told[0]).toMatchObject({ state: "failed", answered_at: at(1), channel: null });
      own.note(look(3));
      own.close();
      own.note(look(4));
      expect(states()).toEqual(["failed 02", "checked 03"]);
    }
  });

  test("what a later program writes about a look is passed over, and the rest stays", () => {
    changeRecord(path, () => ({ look: look(1), bad: [{ version: "1.1.0", why: "w", at: at(0) }] }));
    const text = readFileSync(path, "utf8").replace('"checked"', '"pondered"');
    writeFileSync(path, text);
    open();
    expect(told).toEqual([]);
    changeRecord(path, ({ bad }) => ({ confirmed: bad[0]!.version }));
    expect(readFileSync(path, "utf8")).toContain('"confirmed": "1.1.0"');
  });
});
