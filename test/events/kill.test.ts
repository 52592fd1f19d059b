import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Journal } from "../../src/events/journal.ts";
import { readEvents } from "../../src/events/reader.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("kill");
const KILLS = 8;

/** Runs the writer until it has told of `lines` events, then kills it; returns what it told. */
async function killedAfter(directory: string, lines: number): Promise<string[]> {
  const writer = Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), directory], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let told = "";
  for await (const chunk of writer.stdout) {
    told += Buffer.from(chunk).toString("utf8");
    if (told.split("\n").length > lines) writer.kill("SIGKILL");
  }
  await writer.exited;
  return told.split("\n").slice(0, -1);
}

test("a journal whose writer was killed at any moment has every event that it took, once and in order", async () => {
  const directory = folder();
  const told: string[] = [];
  for (let kill = 0; kill < KILLS; kill++)
    told.push(...(await killedAfter(directory, 1 + Math.floor(Math.random() * 200))));
  const journal = Journal.open(directory, { budgetBytes: 1e9, segmentBytes: 300_000 });
  await journal.settled();
  await journal.close();
  expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);

  const read = new Map<string, number[]>();
  const onUnreadable = (line: number, segment: string): never => {
    throw new Error(`line ${line} of ${segment} is no event`);
  };
  for await (const event of readEvents(directory, { onUnreadable }))
    if (event.version === 2) read.set(event.run, [...(read.get(event.run) ?? []), event.sequence]);
  expect(read.size).toBe(KILLS);
  for (const sequences of read.values())
    expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, at) => at));
  const missing = told.filter((line) => {
    const [run, sequence] = line.split(" ");
    return Number(sequence) >= read.get(run!)!.length;
  });
  expect(missing).toEqual([]);
});
