import { closeSync, existsSync, openSync, readFileSync, readSync, renameSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { syncDirectory } from "../../base/atomic.ts";
import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import { asHotkey } from "../../base/units.ts";
import type { Identity, Memory, MemoryChanges } from "../../base/vocabulary.ts";
import { routerMemoryOfVersion1 } from "../../gating/version-1.ts";
import { judgeMemoryOfVersion1 } from "../../rewards/version-1.ts";
import type { StepCommit } from "./content.ts";
import { corrupt } from "./failure.ts";
import { requireIdentity } from "./schema.ts";

/** The state of 0.1.0: one file, rewritten at every step, with the one before it beside. */
const BIN_FILE = "state.bin";
export const BIN_FILES = [BIN_FILE, `${BIN_FILE}.previous`];
const MAGIC = "openvalidator-state";
const BIN_VERSION = "1";
/** In front of the names of the router's arrays. */
const ROUTER_PREFIX = "gating.";

const header = z.object({
  identity: z.object({ genesis: z.string(), netuid: z.int(), hotkey: z.string() }),
  steps: z.int().min(0),
  hotkeys: z.array(z.string()),
  judge: z.unknown(),
  router: z.unknown().optional(),
  arrays: z.array(z.object({ name: z.string(), length: z.int().min(0) })),
});

export interface ImportedBin {
  commit: StepCommit;
  /** What the file is known by: the hash in its first line. */
  digest: string;
}

/**
 * Reads the `state.bin` of 0.1.0 in this folder; undefined when there is none. A damaged one gives way to the file before
 * it, which is at most one step older.
 * @throws Failure `state.corrupt` when neither can be read, `state.foreign`
 */
export function readBin(directory: string, identity: Identity): ImportedBin | undefined {
  const files = BIN_FILES.map((name) => join(directory, name)).filter((path) => existsSync(path));
  let damage: unknown;
  for (const path of files) {
    let content: BinContent;
    try {
      content = decode(readFileSync(path));
    } catch (error) {
      damage ??= error;
      log.warn("The state file of 0.1.0 is damaged", { path, reason: messageOf(error) });
      continue;
    }
    requireIdentity(content.head.identity, identity, path);
    return { commit: commitOf(content), digest: content.digest };
  }
  if (files.length === 0) return undefined;
  throw corrupt(files[0]!, messageOf(damage), damage);
}

/** Moves what was imported out of the way, so that it is neither read again nor mistaken for the state. */
export function retireBin(directory: string): void {
  for (const name of BIN_FILES) {
    const path = join(directory, name);
    if (existsSync(path)) renameSync(path, `${path}.imported`);
  }
  syncDirectory(directory);
}

/** The hash in the first line of the file of 0.1.0, by which an imported one is known; undefined where there is none. */
export function binDigest(directory: string): string | undefined {
  const path = BIN_FILES.map((name) => join(directory, name)).find((file) => existsSync(file));
  if (path === undefined) return undefined;
  const line = Buffer.alloc(128);
  const fd = openSync(path, "r");
  try {
    readSync(fd, line);
  } finally {
    closeSync(fd);
  }
  return line.toString("latin1").split("\n")[0]!.split(" ")[2] ?? "";
}

interface BinContent {
  head: z.infer<typeof header>;
  digest: string;
  scores: Float32Array;
  judge: Record<string, Float32Array>;
  router: Record<string, Float32Array>;
}

/**
 * One line `openvalidator-state <version> <sha256 of the rest>`, a line of JSON, then the arrays as little-endian Float32 in
 * the order the JSON names them.
 */
function decode(file: Buffer): BinContent {
  const firstEnd = file.indexOf(0x0a);
  const [magic, version, digest] = file.subarray(0, Math.max(0, firstEnd)).toString("latin1").split(" ");
  if (magic !== MAGIC || version !== BIN_VERSION) throw new Error("it does not start as a state file does");
  const body = file.subarray(firstEnd + 1);
  if (new Bun.CryptoHasher("sha256").update(body).digest("hex") !== digest)
    throw new Error("its checksum is wrong, it was cut or changed");
  const jsonEnd = body.indexOf(0x0a);
  const head = header.parse(JSON.parse(body.subarray(0, jsonEnd).toString("utf8")));
  const judge: Record<string, Float32Array> = {};
  const router: Record<string, Float32Array> = {};
  let at = jsonEnd + 1;
  for (const { name, length } of head.arrays) {
    // Copied, for the offset inside the file need not be a multiple of four.
    const values = new Float32Array(new Uint8Array(body.subarray(at, at + 4 * length)).buffer);
    if (name.startsWith(ROUTER_PREFIX)) router[name.slice(ROUTER_PREFIX.length)] = values;
    else judge[name] = values;
    at += 4 * length;
  }
  const { scores, ...rest } = judge;
  if (scores?.length !== head.hotkeys.length) throw new Error("scores and hotkeys differ in number");
  return { head, digest: digest!, scores, judge: rest, router };
}

function commitOf({ head, scores, judge, router }: BinContent): StepCommit {
  return {
    steps: head.steps,
    // How many blocks and questions they rest on was not written down.
    evidence: { countedSteps: head.steps, blocks: 0 },
    scores: {
      neurons: head.hotkeys.map((hotkey) => ({ hotkey: asHotkey(hotkey), registeredAt: undefined })),
      scores,
      asked: Uint32Array.from(scores, (score) => (score > 0 ? 1 : 0)),
    },
    judge: wholeMemory("judge", head.judge, judgeMemoryOfVersion1(head.judge, judge)),
    router: wholeMemory("router", head.router, routerMemoryOfVersion1(head.router, router)),
  };
}

function wholeMemory(part: string, json: unknown, memory: Memory | undefined): MemoryChanges | undefined {
  if (memory === undefined) {
    if (json !== undefined) log.warn("A memory of 0.1.0 is of an unknown form and starts afresh", { part });
    return undefined;
  }
  const tables = Object.entries(memory.tables).map(([name, put]) => [name, { put, isWhole: true }] as const);
  return { json: memory.json, tables: Object.fromEntries(tables) };
}
