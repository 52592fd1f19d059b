import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { watchReleases } from "../../src/update/notices.ts";
import type { Look } from "../../src/update/update-record.ts";
import { scratchFolders } from "../scratch.ts";

const scratch = scratchFolders("notices");

/** Looks with a program that says and ends as it is told, one line of `answers` each time, until there is none left. */
async function looks(...answers: [code: number, said: object | string][]) {
  const folder = scratch();
  const log = join(folder, "log");
  writeFileSync(log, "");
  for (const [at, [code, said]] of answers.entries()) {
    const text = typeof said === "string" ? said : JSON.stringify(said);
    writeFileSync(join(folder, `${at}`), `printf '%s' '${text}'; exit ${code}`);
  }
  const end = new AbortController();
  const told: Look[] = [];
  const step = `n=$(wc -l < ${log}); echo x >> ${log}; . ${folder}/$n`;
  const watching = watchReleases({
    command: ["sh", "-c", step],
    environment: { PATH: "/usr/bin:/bin" },
    intervalMs: 1,
    place: 0,
    isInVain: (code) => code === 78,
    isAskedFor: false,
    onLook: (look) => told.push(look),
    signal: end.signal,
  });
  let isOver = false;
  void watching.then(() => {
    isOver = true;
  });
  const asked = (): number => readFileSync(log, "utf8").split("\n").length - 1;
  // One look more, which finds no words, begins when all before it were told.
  while (!isOver && asked() <= answers.length) await Bun.sleep(2);
  end.abort();
  await watching;
  return { told, asked: asked() };
}

test("every look is told on, whatever it found", async () => {
  const from = "1.0.0";
  const { told } = await looks(
    [0, { from, state: "up to date", version: "1.0.0" }],
    [10, { from, state: "available", version: "1.1.0", urgency: "high" }],
    [10, { from, state: "waiting", version: "1.1.0", urgency: "low", why: "in stages" }],
    [69, { from, state: "failed", code: "update.unreachable", why: "nobody there" }],
  );
  expect(told).toMatchObject([
    { state: "checked", from, to: null },
    { state: "available", to: "1.1.0", urgency: "high" },
    { state: "waiting", to: "1.1.0", why: "in stages" },
    { state: "failed", reason: "update.unreachable", answeredAt: null },
  ]);
});

test("what a look prints is not trusted", async () => {
  const { told } = await looks(
    [10, "no JSON"],
    [10, { from: "x", state: "available", version: "../../etc" }],
  );
  expect(told).toEqual([]);
});

test("where another program is in charge, nobody looks again", async () => {
  const { told, asked } = await looks([
    78,
    { from: "1.0.0", state: "failed", code: "update.not-ours", why: "a package" },
  ]);
  expect({ told, asked }).toEqual({ told: [], asked: 1 });
});
