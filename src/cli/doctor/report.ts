import { wordLines } from "../../base/text.ts";
import { BUILD } from "../../config/version.ts";
import { LEFT_OUT, type Result, type Status } from "./check.ts";

const MARKS: Readonly<Record<Status, string>> = { ok: "✓", warn: "!", fail: "✗", skip: "-" };

export function countsOf(results: readonly Result[]): Record<Status, number> {
  const counts: Record<Status, number> = { ok: 0, warn: 0, fail: 0, skip: 0 };
  for (const { status } of results) counts[status]++;
  return counts;
}

/** Sentences stand beside the names where they have so much room, else below them. */
const LEAST_ROOM = 48;
const BELOW = 4;
const ARROW = "→ ";

/**
 * The findings, the fix below each, and a summary. What `--offline` leaves out has no line.
 * @param width characters of a line of the terminal; undefined = any
 */
export function asText(results: readonly Result[], width = Number.POSITIVE_INFINITY): string {
  const looked = results.filter(({ found }) => found !== LEFT_OUT);
  const names = Math.max(...looked.map(({ name }) => name.length)) + 2;
  const isBeside = width - names - 2 >= LEAST_ROOM;
  const column = isBeside ? names + 2 : BELOW;
  const lines = looked.flatMap(({ name, status, found, fix }) => {
    const sentence = wordLines(found, width - column);
    const head = `${MARKS[status]} ${isBeside ? name.padEnd(names) + sentence.shift() : name}`;
    const step = fix === null ? [] : wordLines(fix, width - column - ARROW.length);
    const below = [...sentence, ...step.map((line, at) => (at === 0 ? ARROW : "  ") + line)];
    return [head, ...below.map((line) => " ".repeat(column) + line)];
  });
  const { ok, warn, fail, skip } = countsOf(results);
  const parts = [`${ok} right`, `${warn} to look at`, `${fail} wrong`];
  if (skip > 0) parts.push(`${skip} not looked at`);
  return `${[...lines, "", parts.join(", ")].join("\n")}\n`;
}

/**
 * `version`, `commit`; `offline`, `deep`: what was asked for; `healthy`: nothing failed, as the exit code says; `counts`
 * by status; `checks` in their order: `name`, which may come several times, `status` (ok, warn, fail, skip), `found` and
 * `fix` (text or null) and `seconds`.
 */
export function asJson(
  results: readonly Result[],
  { isOffline, isDeep }: { isOffline: boolean; isDeep: boolean },
): string {
  const counts = countsOf(results);
  const report = {
    version: BUILD.version,
    commit: BUILD.commit,
    offline: isOffline,
    deep: isDeep,
    healthy: counts.fail === 0,
    counts,
    checks: results,
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}
