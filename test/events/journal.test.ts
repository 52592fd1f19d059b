import { describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal } from "../../src/events/journal.ts";
import { readEvents } from "../../src/events/reader.ts";
import { ACTIVE_SEGMENT } from "../../src/events/segments.ts";
import type { WeightsEventV1 as WeightsEvent } from "../../src/events/version-1.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "ov-journal-"));

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
    appendFileSync(join(directory, ACTIVE_SEGMENT), 'not json\n{"kind":"step"}\n');
    const unreadable: number[] = [];
    const read = await Array.fromAsync(
      readEvents(directory, { onUnreadable: (line) => unreadable.push(line) }),
    );
    expect(read).toHaveLength(1);
    expect(unreadable).toEqual([2, 3]);
  });
});
