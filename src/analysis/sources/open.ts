import { existsSync, linkSync, lstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isFailure, messageOf } from "../../base/error.ts";
import { ACTIVE_SEGMENT, closedSegments } from "../../events/segments.ts";
import { isSpool } from "../../wandb/spool-meta.ts";
import { stopped } from "../question.ts";
import { workFolder } from "../work-folder.ts";
import { contentOf } from "./content.ts";
import { type Converted, convert } from "./convert.ts";
import { missingBeside } from "./exported-rows.ts";
import {
  type Content,
  type EventFile,
  type EventFiles,
  type SourceKind,
  type SourceReport,
  sourceFailure,
} from "./source.ts";

/** Folders of ours are at most six deep: data folder, entity, project, run; netuid, date. */
const MAX_DEPTH = 8;
const GLOB = /[*?[{]/;
/** A W&B run: entity/project/run. */
const RUN_PATH = /^[\w.-]+\/[\w.-]+(?:\/[\w.-]+)?$/;

export interface SourceOptions {
  /** Folders, files, globs, `entity/project` or `entity/project/run` of downloaded runs; none = the own journal. */
  words: readonly string[];
  /** The folder of the own journal. @throws where there is none */
  own(): string;
  /** Where `wandb download` keeps runs. */
  downloads: string;
  /** For what is converted; a folder of this reading is made in it. */
  temporary: string;
  signal?: AbortSignal | undefined;
}

/**
 * Finds the files that words name, tells by their content what they are, and turns every one that DuckDB cannot read into
 * event lines. What strangers wrote into a file is counted where it is not understood, and ends nothing.
 * @throws Failure `sources.missing`, `sources.empty`; the error of the file system for a file that was named itself
 */
export async function openSources(options: SourceOptions): Promise<EventFiles> {
  const { words, signal } = options;
  const folder = workFolder(options.temporary, "sources");
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  const files: { file: EventFile; kind: SourceKind }[] = [];
  const reports: SourceReport[] = [];
  try {
    const paths = await pathsOf(options);
    const known = new Set(paths.map(({ path }) => path));
    for (const { path, isNamed } of paths) {
      if (signal?.aborted) throw stopped();
      let content: Content;
      try {
        content = await contentOf(path);
      } catch (error) {
        if (isNamed) throw error;
        reports.push({ path, kind: "unknown", events: null, unreadable: 0, note: messageOf(error) });
        continue;
      }
      if (content.kind === "unknown" && !isNamed && !path.endsWith(".parquet")) continue;
      if (content.kind === "derived table" && !isNamed) continue;
      const { file, report } = await take(path, content, join(folder, String(reports.length)), signal);
      if (isExported(content.kind)) report.note ??= missingBeside(path, known);
      reports.push(report);
      if (file !== undefined) files.push({ file, kind: report.kind });
    }
    if (files.length === 0)
      throw sourceFailure(
        "sources.empty",
        reports.length === 0
          ? `nothing in ${words.join(", ")} holds events`
          : `${reports[0]!.path} is nothing that events can be read from: ${reports[0]!.note}`,
        "name journals, W&B spools, .wandb files, downloaded runs, or CSV, JSONL or Parquet of events",
      );
    // What is in a journal and in its copy counts as the journal has it.
    files.sort((a, b) => Number(isOurs(b)) - Number(isOurs(a)));
    return { files: files.map(({ file }) => file), reports, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function take(
  path: string,
  content: Content,
  target: string,
  signal: AbortSignal | undefined,
): Promise<{ file: EventFile | undefined; report: SourceReport }> {
  const { kind, compression } = content;
  const report: SourceReport = { path, kind, events: null, unreadable: 0, note: undefined };
  switch (kind) {
    case "unknown":
      report.note = "nothing in it looks like events";
      return { file: undefined, report };
    case "derived table":
      report.note = "made of events and steps, which lie in files of their own in the folder of the export";
      return { file: undefined, report };
    case "database of DuckDB":
      report.note =
        "a database of DuckDB, which is asked with duckdb itself; Parquet, CSV and JSON lines of events export are read";
      return { file: undefined, report };
    case "Parquet":
      return { file: { path, format: "parquet", compression: "none", source: path }, report };
    case "journal":
      return { file: { path: held(path, target), format: "events", compression, source: path }, report };
    default: {
      const counted: Converted = { events: 0, unreadable: 0 };
      try {
        await convert(path, content, target, counted, signal);
      } catch (error) {
        // A file that is damaged half-way has given what lies before.
        if (signal?.aborted || !isDamage(error)) throw error;
        report.note = `damaged, read up to there: ${messageOf(error)}`;
      }
      Object.assign(report, counted);
      return { file: { path: target, format: "events", compression: "none", source: path }, report };
    }
  }
}

function isExported(kind: SourceKind): boolean {
  return kind === "exported CSV" || kind === "exported JSON lines";
}

function isOurs({ kind }: { kind: SourceKind }): boolean {
  return kind === "journal" || kind === "Parquet";
}

function isDamage(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return isFailure(error, "wandb.not-records") || /^(?:Z_|ZSTD_|ERR_)/.test(code);
}

/** The file under a name that stays: a validator renames the segment that it writes, and drops the oldest. */
function held(path: string, target: string): string {
  try {
    linkSync(path, target);
    return target;
  } catch {
    return path; // another disk, or one without links: read where it is
  }
}

interface FoundPath {
  path: string;
  /** By a word or its pattern, rather than as one of many in a folder. */
  isNamed: boolean;
}

async function pathsOf({ words, own, downloads }: SourceOptions): Promise<FoundPath[]> {
  const found = new Map<string, FoundPath>();
  for (const word of words.length === 0 ? [own()] : words)
    for (const start of await startsOf(word, downloads))
      for (const path of filesUnder(start, 0))
        if (!found.has(path)) found.set(path, { path, isNamed: path === start });
  return [...found.values()];
}

async function startsOf(word: string, downloads: string): Promise<string[]> {
  const path = resolve(word);
  if (existsSync(path)) return [path];
  if (GLOB.test(word)) {
    const fixed = word.slice(0, word.search(GLOB));
    const root = resolve(fixed.includes("/") ? dirname(`${fixed}x`) : ".");
    const pattern = fixed.includes("/") ? word.slice(fixed.lastIndexOf("/") + 1) : word;
    const matches: string[] = [];
    for await (const match of new Bun.Glob(pattern).scan({ cwd: root, absolute: true, onlyFiles: false }))
      matches.push(match);
    if (matches.length > 0) return matches.sort();
  }
  const downloaded = join(downloads, word);
  if (RUN_PATH.test(word) && !word.includes("..") && existsSync(downloaded)) return [downloaded];
  throw sourceFailure(
    "sources.missing",
    `there is no file or folder ${word}`,
    RUN_PATH.test(word)
      ? "for a run of W&B: openvalidator wandb download gets it first"
      : "check the name; a pattern needs quotes, or the shell has to match it",
  );
}

/** Files in a folder, in order; of the segments of a journal each once, the one being written before the closed ones. */
function filesUnder(path: string, depth: number): string[] {
  const named = statSync(path);
  if (!named.isDirectory()) return named.isFile() ? [path] : [];
  if (depth > MAX_DEPTH) return [];
  const segments = closedSegments(path);
  const twice = new Set(
    segments.filter(({ number }, at) => segments[at - 1]?.number === number).map(({ name }) => name),
  );
  const names = readdirSync(path)
    .filter((name) => !twice.has(name) && !isBeside(path, name))
    .sort((a, b) => Number(b === ACTIVE_SEGMENT) - Number(a === ACTIVE_SEGMENT) || (a < b ? -1 : 1));
  return names.flatMap((name) => {
    const inner = join(path, name);
    const stat = lstatSync(inner, { throwIfNoEntry: false });
    // A link could lead round in a circle.
    if (stat?.isDirectory()) return filesUnder(inner, depth + 1);
    return stat?.isFile() && stat.size > 0 ? [inner] : [];
  });
}

/** System metrics of a spool, and notes. */
function isBeside(folder: string, name: string): boolean {
  return (name === ACTIVE_SEGMENT && isSpool(folder)) || basename(name).startsWith(".");
}
