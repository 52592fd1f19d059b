import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Journal } from "../../src/events/journal.ts";
import { readEvents } from "../../src/events/reader.ts";
import { ACTIVE_SEGMENT } from "../../src/events/segments.ts";
import type { WeightsEventV1 as WeightsEvent } from "../../src/events/version-1.ts";
import { capturedLog } from "../captured-log.ts";
import { scratchFolders } from "../scratch.ts";
import { stopEvent } from "./bodies.ts";

const folder = scratchFolders("journal");

function event(block: number, padding = ""): WeightsEvent {
  return {
    version: 1,
    kind: "weights",
    time: "2026-01-01T00:00:00.000Z",
    genesis: "0x00",
    netuid: 1,
    hotkey: "h",
    block,
    path: "plain",
    uids: [1],
    values: [65535],
    reveal_round: null,
    extrinsic: null,
    error: padding || null,
  };
}

async function blocks(directory: string): Promise<number[]> {
  const found: number[] = [];
  for await (const read of readEvents(directory)) found.push(read.block);
  return found;
}

describe("journal", () => {
  test("gives events back in order, over rotations and restarts", async () => {
    const directory = folder();
    for (const start of [0, 50]) {
      const journal = Journal.open(directory, { budgetBytes: 1e9, segmentBytes: 2_000 });
      for (let block = start; block < start + 50; block++) journal.append(event(block));
      await journal.close();
    }
    expect(readdirSync(directory).length).toBeGreaterThan(3);
    expect(await blocks(directory)).toEqual(Array.from({ length: 100 }, (_, block) => block));
  });

  test("gives the newest of its closed segments alone, where somebody wants no more", async () => {
    const directory = folder();
    const journal = Journal.open(directory, { budgetBytes: 1e9, segmentBytes: 2_000 });
    for (let block = 0; block < 100; block++) journal.append(event(block));
    await journal.close();
    const all = await blocks(directory);
    const newest: number[] = [];
    for await (const read of readEvents(directory, { closedSegments: 2 })) newest.push(read.block);
    expect(newest.length).toBeGreaterThan(15);
    expect(newest.length).toBeLessThan(50);
    expect(newest).toEqual(all.slice(-newest.length));
  });

  test("keeps an event on one line whatever a miner wrote, for readers of any kind", async () => {
    const directory = folder();
    const hostile = "a\u2028b\u2029c\u0085d\n\r\0\v\f\u001ce";
    const journal = Journal.open(directory, { budgetBytes: 1e9 });
    journal.append(event(1, hostile));
    await journal.close();
    const text = readFileSync(join(directory, ACTIVE_SEGMENT), "utf8");
    const ends = [..."\n\r\v\f\u001c\u001d\u001e\u0085\u2028\u2029"];
    expect([...text].filter((character) => ends.includes(character))).toEqual(["\n"]);
    // Written by another program, which does not escape them.
    appendFileSync(join(directory, ACTIVE_SEGMENT), `${JSON.stringify(event(2, hostile))}\n`);
    const unreadable: number[] = [];
    const found: unknown[] = [];
    for await (const read of readEvents(directory, { onUnreadable: (line) => void unreadable.push(line) }))
      found.push((read as WeightsEvent).error);
    expect(found).toEqual([hostile, hostile]);
    expect(unreadable).toEqual([]);
  });

  test("cuts off a partial last line, wherever a crash cut it, and goes on", async () => {
    const directory = folder();
    const journal = Journal.open(directory, { budgetBytes: 1e9 });
    journal.append(event(1));
    const whole = statSync(join(directory, ACTIVE_SEGMENT)).size;
    journal.append(event(2, "x".repeat(200_000)));
    await journal.close();
    const { size } = statSync(join(directory, ACTIVE_SEGMENT));
    for (const at of [size - 1, size - 100_000, whole + 1]) {
      truncateSync(join(directory, ACTIVE_SEGMENT), at);
      const again = Journal.open(directory, { budgetBytes: 1e9 });
      await again.close();
      expect(await blocks(directory)).toEqual([1]);
      appendFileSync(join(directory, ACTIVE_SEGMENT), JSON.stringify(event(2, "x".repeat(200_000))));
    }
  });

  test("stays within its disk budget by dropping the oldest events", async () => {
    const directory = folder();
    const journal = Journal.open(directory, { budgetBytes: 20_000, segmentBytes: 4_000 });
    const noise = (): string => Array.from({ length: 30 }, () => Math.random().toString(36)).join("");
    for (let block = 0; block < 200; block++) journal.append(event(block, noise()));
    await journal.close();
    const sizes = readdirSync(directory).map((name) => statSync(join(directory, name)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(20_000);
    const kept = await blocks(directory);
    expect(kept.at(-1)).toBe(199);
    expect(kept[0]).toBeGreaterThan(0);
  });

  test("reports lines that are no events and reads the others", async () => {
    const directory = folder();
    const journal = Journal.open(directory, { budgetBytes: 1e9 });
    journal.append(event(1));
    await journal.close();
    const path = join(directory, ACTIVE_SEGMENT);
    writeFileSync(path, `\ufeff${readFileSync(path, "utf8")}`);
    appendFileSync(path, 'not json\n{"kind":"step"}\n');
    const unreadable: number[] = [];
    const read = await Array.fromAsync(
      readEvents(directory, { onUnreadable: (line) => unreadable.push(line) }),
    );
    expect(read).toHaveLength(1);
    expect(unreadable).toEqual([2, 3]);
  });
});

async function sequences(directory: string): Promise<number[]> {
  const events = await Array.fromAsync(readEvents(directory));
  return events.map((event) => (event.version === 2 ? event.sequence : -1));
}

/** 0, 1, … below `end`. */
const upTo = (end: number): number[] => Array.from({ length: end }, (_, at) => at);

describe("a journal that was changed by hand", () => {
  const log = capturedLog();
  const warnings = (): string[] => log.filter((line) => line.includes("WARN"));
  const options = { budgetBytes: 1e9, segmentBytes: 2_000 };

  const CHANGES: [string, (active: string) => void][] = [
    ["removed", (active) => rmSync(active)],
    ["moved", (active) => renameSync(active, `${active}.old`)],
    [
      "moved and made anew",
      (active) => {
        renameSync(active, `${active}.old`);
        writeFileSync(active, "");
      },
    ],
    ["removed with its folder", (active) => rmSync(join(active, ".."), { recursive: true })],
  ];
  test.each(CHANGES)("%s, goes on in a new file with one warning, over rotations", async (_, change) => {
    const directory = join(folder(), "events");
    const active = join(directory, ACTIVE_SEGMENT);
    const journal = Journal.open(directory, options);
    for (let sequence = 0; sequence < 5; sequence++) journal.append(stopEvent(sequence));
    const before = readFileSync(active);
    change(active);
    for (let sequence = 5; sequence < 45; sequence++) journal.append(stopEvent(sequence));
    await journal.close();
    expect(await sequences(directory)).toEqual(upTo(45).slice(5));
    expect(warnings()).toHaveLength(1);
    const moved = readdirSync(directory).filter((name) => name.endsWith(".old"));
    for (const name of moved) expect(readFileSync(join(directory, name))).toEqual(before);
  });

  test("shortened in the middle of a line, goes on with a whole one", async () => {
    const directory = folder();
    const journal = Journal.open(directory, options);
    for (let sequence = 0; sequence < 3; sequence++) journal.append(stopEvent(sequence));
    truncateSync(join(directory, ACTIVE_SEGMENT), statSync(join(directory, ACTIVE_SEGMENT)).size - 20);
    journal.append(stopEvent(3));
    await journal.close();
    expect(await sequences(directory)).toEqual([0, 1, 3]);
    expect(warnings().some((line) => line.includes("shortened by another program"))).toBe(true);
  });

  test("copied beside itself, gives each event once", async () => {
    const directory = folder();
    const journal = Journal.open(directory, { budgetBytes: 1e9 });
    for (let sequence = 0; sequence < 4; sequence++) journal.append(stopEvent(sequence));
    copyFileSync(join(directory, ACTIVE_SEGMENT), join(directory, "events-000001.jsonl"));
    journal.append(stopEvent(4));
    journal.append(stopEvent(0, { run: "another" }));
    await journal.close();
    expect(await sequences(directory)).toEqual([0, 1, 2, 3, 4, 0]);
  });
});

describe("rotation", () => {
  const options = { budgetBytes: 1e9, segmentBytes: 2_000 };

  test("leaves every event readable before, while and after segments are compressed", async () => {
    const directory = folder();
    const journal = Journal.open(directory, options);
    for (let sequence = 0; sequence < 50; sequence++) {
      journal.append(stopEvent(sequence));
      if (sequence % 7 === 0) expect(await sequences(directory)).toEqual(upTo(sequence + 1));
    }
    const reading = readEvents(directory);
    await reading.next();
    await journal.settled();
    expect(1 + (await Array.fromAsync(reading)).length).toBe(50);
    expect(readdirSync(directory).filter((name) => name.endsWith(".jsonl"))).toEqual([ACTIVE_SEGMENT]);
    await journal.close();
    expect(await sequences(directory)).toEqual(upTo(50));
  });

  test("does not wait for the compression", async () => {
    const directory = folder();
    const journal = Journal.open(directory, { budgetBytes: 1e9, segmentBytes: 8 << 20 });
    const reason = "the same words again and again ".repeat(8_000);
    for (let sequence = 0; sequence < 40; sequence++) journal.append(stopEvent(sequence, { reason }));
    expect(readdirSync(directory).sort()).toEqual(["events-000001.jsonl", ACTIVE_SEGMENT]);
    let turns = 0;
    const count = (): void => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    await journal.settled();
    clearImmediate(timer);
    // The event loop turned while it was compressed.
    expect(turns).toBeGreaterThan(2);
    expect(readdirSync(directory).sort()).toEqual(["events-000001.jsonl.zst", ACTIVE_SEGMENT]);
    await journal.close();
    expect(await sequences(directory)).toEqual(upTo(40));
  });

  test("that a crash interrupted anywhere is taken up at the next start", async () => {
    const directory = folder();
    const first = Journal.open(directory, options);
    for (let sequence = 0; sequence < 30; sequence++) first.append(stopEvent(sequence));
    await first.settled();
    await first.close();
    const segment = "events-000001.jsonl";
    const packed = readFileSync(join(directory, `${segment}.zst`));
    // After the rename; with a half of the compressed file; and before the plain one was removed.
    const crashes: (() => void)[] = [
      () => rmSync(join(directory, `${segment}.zst`)),
      () => {
        rmSync(join(directory, `${segment}.zst`));
        writeFileSync(join(directory, `${segment}.zst.77.abc.tmp`), packed.subarray(0, 9));
      },
      () => undefined,
    ];
    for (const crash of crashes) {
      writeFileSync(join(directory, segment), Bun.zstdDecompressSync(packed));
      crash();
      expect(await sequences(directory)).toEqual(upTo(30));
      const again = Journal.open(directory, options);
      await again.settled();
      await again.close();
      expect(readdirSync(directory).filter((name) => !/\.zst$/.test(name))).toEqual([ACTIVE_SEGMENT]);
      expect(await sequences(directory)).toEqual(upTo(30));
    }
  });

  test("gives events of version 1, which have no number, once from a segment in both forms", async () => {
    const directory = folder();
    const line = `${JSON.stringify(event(1))}\n`;
    writeFileSync(join(directory, "events-000001.jsonl"), line);
    writeFileSync(join(directory, "events-000001.jsonl.zst"), Bun.zstdCompressSync(line));
    expect(await blocks(directory)).toEqual([1]);
  });

  test("numbers segments on, and closes them at the stated size", async () => {
    const directory = folder();
    writeFileSync(join(directory, "events-000041.jsonl.zst"), Bun.zstdCompressSync("\n"));
    const journal = Journal.open(directory, options);
    for (let sequence = 0; sequence < 30; sequence++) journal.append(stopEvent(sequence));
    for (const name of readdirSync(directory).filter((name) => name.endsWith(".jsonl")))
      expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(2_000);
    await journal.close();
    expect(readdirSync(directory)).toContain("events-000042.jsonl.zst");
    expect(await sequences(directory)).toEqual(upTo(30));
  });
});
