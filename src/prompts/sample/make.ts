/**
 * Makes passages.jsonl from two unpacked npm packages (SOURCES.md says which):
 *   bun src/prompts/sample/make.ts <folder of datasets-sotu> <folder of datasets-moby-dick>
 * The same packages give the same bytes. Not part of the program.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Work {
  source: "sotu" | "moby-dick";
  title: string;
  text: string;
}

const SENTENCES = 24;
const MAX_CHARACTERS = 5500;
/** A passage must still be longer than the longest cut with margin: 1.2.0 counts full stops, 15..30. */
const MIN_FULL_STOPS = 20;
/** Tables of figures read badly as prose. */
const MAX_DIGIT_SHARE = 0.006;
/** Words of their time that a sample of ours does not need. */
const UNWANTED = /savage|negro|squaw|half-breed|cannibal|heathen|coolie|sodom/i;
const WANTED = { sotu: 200, "moby-dick": 60 } as const;
const SOTU_YEARS = { from: 1865, to: 1945 } as const;

function readJson(folder: string): Record<string, unknown>[] {
  return readdirSync(join(folder, "data"))
    .filter((name) => name.endsWith(".json"))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .map((name) => JSON.parse(readFileSync(join(folder, "data", name), "utf8")) as Record<string, unknown>);
}

function sentencesOf(text: string): string[] {
  const line = text.replace(/\s+/g, " ").trim();
  // A sentence ends at a stop before a capital, but not after an initial or a title (U. S., Mr., No.).
  return line.split(/(?<=[.?!]["”]?)(?<!\b(?:[A-Z]|Mr|Mrs|Dr|St|No|Gen|Messrs|Hon|Art)\.) (?=["“]?[A-Z])/);
}

function passagesOf(work: Work): (Work & { index: number })[] {
  const sentences = sentencesOf(work.text).slice(4, -4);
  const found = [];
  for (let at = 0; at + SENTENCES <= sentences.length; at += SENTENCES) {
    const text = sentences.slice(at, at + SENTENCES).join(" ");
    const digits = text.match(/\d/g)?.length ?? 0;
    if (text.length > MAX_CHARACTERS || digits / text.length > MAX_DIGIT_SHARE) continue;
    if (UNWANTED.test(text) || text.split(".").length - 1 < MIN_FULL_STOPS) continue;
    found.push({ ...work, text, index: at / SENTENCES });
  }
  return found;
}

/** `count` items spread evenly over a list. */
function spread<T>(items: T[], count: number): T[] {
  if (items.length < count) throw new Error(`${items.length} passages, ${count} wanted`);
  return Array.from({ length: count }, (_, index) => items[Math.floor((index * items.length) / count)]!);
}

const [sotuFolder, mobyFolder] = process.argv.slice(2);
if (!sotuFolder || !mobyFolder) throw new Error("two folders are needed");
const addresses = readJson(sotuFolder)
  .filter((row) => Number(row.year) >= SOTU_YEARS.from && Number(row.year) <= SOTU_YEARS.to)
  .map((row): Work => ({ source: "sotu", title: `${row.name}, ${row.year}`, text: String(row.text) }));
const chapters = readJson(mobyFolder).map(
  (row): Work => ({ source: "moby-dick", title: String(row.title).trim(), text: String(row.text) }),
);
const rows = [
  ...spread(addresses.flatMap(passagesOf), WANTED.sotu),
  ...spread(chapters.flatMap(passagesOf), WANTED["moby-dick"]),
];
const lines = rows.map(({ source, title, text }) => JSON.stringify({ source, title, text }));
writeFileSync(join(import.meta.dir, "passages.jsonl"), `${lines.join("\n")}\n`);
