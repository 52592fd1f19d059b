import { describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EventFeed } from "../../src/events/feed.ts";
import { Journal, type JournalFiles } from "../../src/events/journal.ts";
import { readEvents } from "../../src/events/reader.ts";
import { ACTIVE_SEGMENT } from "../../src/events/segments.ts";
import { capturedLog } from "../captured-log.ts";
import { scratchFolders } from "../scratch.ts";
import { IDENTITY, stopEvent } from "./bodies.ts";
import { smallDisks, whyNoSmallDisk } from "./small-disk.ts";

const smallDisk = smallDisks();

const folder = scratchFolders("full-disk");
const log = capturedLog();
const noDisk = whyNoSmallDisk();

/** A file system on which `isFull` decides whether a write goes in whole, or only in half before it is refused. */
function halfWriting(isFull: () => boolean, more: Partial<JournalFiles> = {}): JournalFiles {
  let half = false;
  const refuse = (): never => {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  };
  return {
    ...fs,
    ...more,
    writeSync(fd: number, bytes: Uint8Array, at: number) {
      if (!isFull()) return fs.writeSync(fd, bytes, at);
      half = !half;
      return half ? fs.writeSync(fd, bytes, at, (bytes.length - at) >> 1) : refuse();
    },
  };
}

async function contentOf(directory: string): Promise<{ sequences: number[]; unreadable: number }> {
  let unreadable = 0;
  const events = await Array.fromAsync(readEvents(directory, { onUnreadable: () => void unreadable++ }));
  return { sequences: events.map((event) => (event.version === 2 ? event.sequence : -1)), unreadable };
}

describe("a line that goes in only in part", () => {
  test("is cut off at once, and the next one is readable", async () => {
    const directory = folder();
    let isFull = false;
    const journal = Journal.open(directory, { budgetBytes: 1e9, files: halfWriting(() => isFull) });
    journal.append(stopEvent(1));
    isFull = true;
    expect(() => journal.append(stopEvent(2))).toThrow("ENOSPC");
    // At once: the process may be killed before the next line.
    expect(readFileSync(join(directory, ACTIVE_SEGMENT), "utf8")).toEndWith("\n");
    expect(await contentOf(directory)).toEqual({ sequences: [1], unreadable: 0 });
    isFull = false;
    journal.append(stopEvent(3));
    await journal.close();
    expect(await contentOf(directory)).toEqual({ sequences: [1, 3], unreadable: 0 });
  });

  test("is cut off before the next one where the disk refused to shorten the file", async () => {
    const directory = folder();
    let isFull = false;
    const files = halfWriting(() => isFull, {
      ftruncateSync(fd: number, length: number) {
        if (isFull) throw Object.assign(new Error("EIO: i/o error, ftruncate"), { code: "EIO" });
        fs.ftruncateSync(fd, length);
      },
    } as Partial<JournalFiles>);
    const journal = Journal.open(directory, { budgetBytes: 1e9, files });
    journal.append(stopEvent(1));
    isFull = true;
    expect(() => journal.append(stopEvent(2))).toThrow("ENOSPC");
    isFull = false;
    journal.append(stopEvent(3));
    await journal.close();
    expect(await contentOf(directory)).toEqual({ sequences: [1, 3], unreadable: 0 });
  });
});

describe.skipIf(noDisk !== undefined)(`on a full disk${noDisk ? ` (skipped: ${noDisk})` : ""}`, () => {
  /** Takes all but about `leftBytes`. */
  function fill(disk: string, leftBytes: number): void {
    const { bavail, bsize } = fs.statfsSync(disk);
    writeFileSync(join(disk, "filler"), Buffer.alloc(Math.max(0, bavail * bsize - leftBytes)));
  }

  test("the journal holds exactly the lines that were accepted", async () => {
    const disk = smallDisk(1 << 20);
    const directory = join(disk, "events");
    const journal = Journal.open(directory, { budgetBytes: 1e9 });
    const accepted: number[] = [];
    const append = (sequence: number): void => {
      try {
        journal.append(stopEvent(sequence, { reason: "x".repeat(3_000) }));
        accepted.push(sequence);
      } catch (error) {
        expect((error as { code: string }).code).toBe("ENOSPC");
      }
    };
    append(0);
    fill(disk, 16 << 10);
    for (let sequence = 1; sequence < 20; sequence++) append(sequence);
    expect(accepted.length).toBeLessThan(20);
    rmSync(join(disk, "filler"));
    append(20);
    await journal.close();
    expect(accepted.at(-1)).toBe(20);
    expect(await contentOf(directory)).toEqual({ sequences: accepted, unreadable: 0 });
  });

  test("the feed goes on, says so once, and has lost nothing when there is room again", async () => {
    const disk = smallDisk(1 << 20);
    fill(disk, 0);
    // Not even the folder can be made at first.
    const directory = join(disk, "events");
    const feed = new EventFeed({
      journal: new Journal(directory, { budgetBytes: 1e9 }),
      identity: IDENTITY,
      block: () => 1,
      later: () => () => undefined,
    });
    const emit = (steps: number) =>
      feed.emit({ kind: "stop", reason: "x".repeat(9_000), exit_code: 0, steps });
    for (let steps = 0; steps < 10; steps++) emit(steps);
    expect(feed.state).toMatchObject({ journal: "lost", waiting: 11, lost: 0 });
    rmSync(join(disk, "filler"));
    feed.retryJournal();
    fill(disk, 0);
    for (let steps = 10; steps < 20; steps++) emit(steps);
    expect(feed.state.journal).toBe("lost");
    feed.retryJournal();
    rmSync(join(disk, "filler"));
    await feed.close();
    expect(log.filter((line) => line.includes("ERROR"))).toHaveLength(2);
    // 20 of ours, and twice the loss and the return of the journal.
    expect((await contentOf(directory)).sequences).toEqual(Array.from({ length: 24 }, (_, at) => at));
  });

  test("a closed segment that cannot be compressed stays readable, and is compressed at the next start", async () => {
    const disk = smallDisk(1 << 20);
    const directory = join(disk, "events");
    const options = { budgetBytes: 1e6, segmentBytes: 100_000 };
    const journal = Journal.open(directory, options);
    const noise = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(9_000))).toString("base64");
    for (let sequence = 0; sequence < 8; sequence++) journal.append(stopEvent(sequence, { reason: noise() }));
    fill(disk, 40_000);
    for (let sequence = 8; sequence < 10; sequence++)
      journal.append(stopEvent(sequence, { reason: noise() }));
    await journal.settled();
    expect(log.filter((line) => line.includes("could not be compressed"))).toHaveLength(1);
    await journal.close();
    const all = Array.from({ length: 10 }, (_, at) => at);
    expect(await contentOf(directory)).toEqual({ sequences: all, unreadable: 0 });
    rmSync(join(disk, "filler"));
    const again = Journal.open(directory, options);
    await again.settled();
    await again.close();
    expect(fs.readdirSync(directory).sort()).toEqual(["events-000001.jsonl.zst", "events.jsonl"]);
    expect(await contentOf(directory)).toEqual({ sequences: all, unreadable: 0 });
  });
});
