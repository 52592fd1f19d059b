import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { AsyncBuffer } from "hyparquet";
import { ParquetTexts } from "../../src/prompts/parquet.ts";
import { seeded } from "./prose.ts";

const FIXTURES = join(import.meta.dir, "fixtures");

/** A file that keeps how many bytes were asked of it. */
async function counted(name: string): Promise<{ buffer: AsyncBuffer; read: () => number }> {
  const bytes = await Bun.file(join(FIXTURES, name)).arrayBuffer();
  let read = 0;
  const buffer = {
    byteLength: bytes.byteLength,
    slice(start: number, end = bytes.byteLength) {
      read += end - start;
      return bytes.slice(start, end);
    },
  };
  return { buffer, read: () => read };
}

const SMALL = { compressedBytes: 4000, plainBytes: 60_000 };

describe("a row group that is too large to be read whole", () => {
  test("is read in parts from anywhere, where it has an index of its pages", async () => {
    const { buffer, read } = await counted("paged.parquet");
    const texts = await ParquetTexts.open(buffer, "paged", undefined, SMALL);
    const random = seeded(5);
    const rows = new Set<number>();
    for (let turn = 0; turn < 60; turn++) {
      const before = read();
      for (const text of await texts.read(random)) rows.add(Number(/row (\d+) /.exec(String(text))![1]));
      expect(read() - before).toBeLessThan(buffer.byteLength / 2);
    }
    expect(rows.size).toBeGreaterThan(60);
    expect(Math.max(...rows)).toBeGreaterThan(180);
  });

  test("is refused without one, with what to do about it", async () => {
    const { buffer } = await counted("snappy.parquet");
    const tiny = { compressedBytes: 10, plainBytes: 10 };
    await expect(ParquetTexts.open(buffer, "snappy", undefined, tiny)).rejects.toMatchObject({
      code: "prompts.bad-source",
      hint: expect.stringContaining("row_group_size"),
    });
  });
});
