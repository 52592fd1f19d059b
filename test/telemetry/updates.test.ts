import { describe, expect, test } from "bun:test";
import { statusScreen } from "../../src/cli/status-screen.ts";
import { lineOfEvent } from "../../src/telemetry/live/event-line.ts";
import type { Status } from "../../src/telemetry/status.ts";
import { StatusFold } from "../../src/telemetry/status-fold.ts";
import { StatusLine } from "../../src/telemetry/status-line.ts";
import { bodyOf, START_MS, stamped } from "./stamped.ts";

const HOUR_S = 3600;
const timeAt = (atS: number): string => new Date(START_MS + atS * 1000).toISOString();
type Told = [state: string, atS: number, more?: object];

/** After news of releases, as they are told at `atS`. */
function after(news: readonly Told[], nowS: number, run: object = {}): Status {
  const fold = new StatusFold();
  fold.apply(stamped(bodyOf("run", { program: "1.0.0", ...run }), 0));
  for (const [state, atS, more] of news)
    fold.apply(
      stamped(
        bodyOf("update", {
          state,
          at: timeAt(atS),
          answered_at: timeAt(atS),
          to: state === "checked" ? null : "1.1.0",
          ...more,
        }),
        Math.max(atS, 0),
      ),
    );
  return fold.snapshot(START_MS + nowS * 1000);
}
const releases = (status: Status): string =>
  /^Releases +(.*)$/m.exec(statusScreen(status, Date.parse(status.at)))![1]!;
const alertsOf = ({ alerts }: Status): string[] =>
  alerts.map(({ name }) => name).filter((name) => name.startsWith("update_"));

describe("how things stand with releases", () => {
  test("nothing is said of what nobody told", () => {
    expect(after([], 1).update).toBeNull();
    expect(releases(after([], 1))).toBe("nothing is told of any");
  });

  test("the way of a release, from the look to the proof", () => {
    const way: [Told, string][] = [
      [["checked", 0], "up to date, looked 1 s ago"],
      [["available", 10], "1.1.0 is there (urgency low), looked 1 s ago"],
      [
        ["waiting", 20, { detail: "its turn comes later" }],
        "1.1.0 is there (urgency low), its turn comes later, looked 1 s ago",
      ],
      [["downloaded", 30, { answered_at: timeAt(20) }], "1.1.0 is there (urgency low), looked 11 s ago"],
      [
        ["installed", 40, { answered_at: timeAt(20), on_trial: "1.1.0" }],
        "1.1.0 is on trial, looked 21 s ago",
      ],
      [["confirmed", 50, { answered_at: timeAt(20) }], "up to date, looked 31 s ago"],
    ];
    const told: Told[] = [];
    for (const [event, line] of way) {
      told.push(event);
      const program = event[0] === "confirmed" ? "1.1.0" : "1.0.0";
      const status = after(told, event[1] + 1, { program });
      expect(releases(status)).toBe(line);
      expect(alertsOf(status)).toEqual([]);
    }
  });

  test("a release that was taken back stays in sight until another one is there", () => {
    const back: Told = ["rolled-back", 10, { from: "1.1.0", to: "1.0.0", detail: "it hung", rollbacks: 1 }];
    const same: Told = ["waiting", 20, { detail: "1.1.0 failed on this machine" }];
    // A look of before it was taken back, as a new run is told of it.
    const older: Told = ["downloaded", 5];
    for (const told of [[back], [back, same], [back, older]]) {
      const status = after(told, 30);
      expect(status.update).toMatchObject({ takenBack: { version: "1.1.0", why: "it hung" } });
      expect(releases(status)).toContain("1.1.0 was taken back");
      expect(alertsOf(status)).toEqual(["update_rolled_back"]);
    }
    expect(alertsOf(after([back, ["checked", 20]], 30))).toEqual([]);
    expect(alertsOf(after([back, ["available", 20, { to: "1.1.1" }]], 30))).toEqual([]);
    expect(alertsOf(after([back, ["confirmed", 20]], 30))).toEqual([]);
  });

  test("one that could not be taken back is critical", () => {
    const told: Told = ["failed", 10, { from: "1.1.0", to: "1.0.0", reason: "update.rollback-failed" }];
    const { alerts, healthy } = after([told], 20);
    expect(alerts.map(({ name, severity }) => [name, severity])).toEqual([
      ["update_rolled_back", "warning"],
      ["update_failed", "critical"],
    ]);
    expect(healthy).toBeFalse();
  });

  test("a server that is away is told of after a day, and after three looks", () => {
    const failed = (atS: number, reason = "update.unreachable"): Told => [
      "failed",
      atS,
      { reason, answered_at: timeAt(0) },
    ];
    const looks = (...hours: number[]): Told[] => hours.map((hour) => failed(hour * HOUR_S));
    const names = (told: Told[], hour: number, run?: object) => alertsOf(after(told, hour * HOUR_S, run));
    expect(names(looks(6, 12, 23), 23.9)).toEqual([]);
    expect(names(looks(6, 12, 23), 24)).toEqual(["update_stale"]);
    expect(names(looks(20, 23), 24)).toEqual([]);
    expect(names([...looks(6, 12, 23), ["checked", 23.5 * HOUR_S]], 25)).toEqual([]);
    // Looked for once in three days: nine days of silence are nothing to speak of.
    const rarely = { settings: { "update.interval": { value: 4320, origin: "flag" } } };
    expect(names(looks(72, 144, 200), 210, rarely)).toEqual([]);
    expect(names(looks(72, 144, 200), 217, rarely)).toEqual(["update_stale"]);
  });

  test("a timer that no longer looks is told of, if it did in this run and no person was it", () => {
    const names = (told: Told[], hour: number) => alertsOf(after(told, hour * HOUR_S));
    expect(names([["checked", 60]], 24)).toEqual([]);
    expect(names([["checked", 60]], 24.1)).toEqual(["update_stale"]);
    expect(names([["checked", -60]], 48)).toEqual([]);
    expect(names([["checked", 60, { unattended: false }]], 48)).toEqual([]);
  });

  test("the line of the service and that of the page name it", () => {
    const line = new StatusLine();
    line.note(stamped(bodyOf("run"), 0));
    const usual = line.text;
    line.note(stamped(bodyOf("update", { state: "installed", on_trial: "1.1.0" }), 1));
    expect(line.text).toContain("release 1.1.0 on trial");
    const back = stamped(
      bodyOf("update", { state: "rolled-back", from: "1.1.0", to: "1.0.0", detail: "it hung" }),
      2,
    );
    line.note(back);
    expect(line.text).toContain("release 1.1.0 taken back");
    expect(lineOfEvent(back)).toMatchObject({ text: "rolled-back 1.0.0 from 1.1.0 (it hung)", tone: "bad" });
    line.note(stamped(bodyOf("update", { state: "confirmed" }), 3));
    expect(line.text).toBe(usual);
  });
});
