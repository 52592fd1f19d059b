import { existsSync, linkSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { replaceFile } from "../base/atomic.ts";
import { Failure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { JudgeMemory, RouterMemory } from "./ports.ts";
import type { Identity } from "./session.ts";

export type StateCode = "state.corrupt" | "state.newer" | "state.foreign" | "state.locked";

/**
 * Raised when this program could no longer read an older file, or an older program would misread a new one; a field or
 * array that may be absent does neither. Golden files of all versions stay readable.
 */
export const STATE_VERSION = 1;
const MAGIC = "openvalidator-state";
export const STATE_FILE = "state.bin";
/** In front of the names of the router's arrays; no reward model or mask may be called so. */
const ROUTER_PREFIX = "gating.";

/** What outlives a restart. */
export interface SavedState {
  hotkeys: string[];
  /** Moving scores by uid, in step with `hotkeys`. */
  scores: Float32Array;
  steps: number;
  judge: JudgeMemory;
  /** Absent before the first step, and in files of a program that could not route. */
  router?: RouterMemory | undefined;
}

const header = z.object({
  identity: z.object({ genesis: z.string(), netuid: z.int(), hotkey: z.string() }),
  savedAt: z.string(),
  steps: z.int().min(0),
  hotkeys: z.array(z.string()),
  judge: z.unknown(),
  router: z.unknown().optional(),
  arrays: z.array(z.object({ name: z.string(), length: z.int().min(0) })),
});

/**
 * One file: a line `openvalidator-state <version> <sha256 of the rest>`, a line of JSON, then the arrays as
 * little-endian Float32 in the order the JSON names them. The file before it is kept as `.previous`.
 */
export async function saveState(directory: string, identity: Identity, state: SavedState): Promise<void> {
  const routerArrays = Object.entries(state.router?.arrays ?? {}).map(
    ([name, values]) => [`${ROUTER_PREFIX}${name}`, values] as const,
  );
  const arrays = [...Object.entries({ scores: state.scores, ...state.judge.arrays }), ...routerArrays];
  const head: z.infer<typeof header> = {
    identity,
    savedAt: new Date().toISOString(),
    steps: state.steps,
    hotkeys: state.hotkeys,
    judge: state.judge.json,
    ...(state.router && { router: state.router.json }),
    arrays: arrays.map(([name, values]) => ({ name, length: values.length })),
  };
  const body = [
    Buffer.from(`${JSON.stringify(head)}\n`, "utf8"),
    ...arrays.map(([, values]) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  ];
  const path = join(directory, STATE_FILE);
  if (existsSync(path)) {
    rmSync(`${path}.previous`, { force: true });
    linkSync(path, `${path}.previous`);
  }
  await replaceFile(path, [Buffer.from(`${MAGIC} ${STATE_VERSION} ${sha256(...body)}\n`), ...body]);
}

/** Saves on demand, one save at a time; requests that come meanwhile become one more save of the newest state. */
export class StateSaver {
  readonly #save: () => Promise<void>;
  #running: Promise<void> | undefined;
  #isWanted = false;

  constructor(save: () => Promise<void>) {
    this.#save = save;
  }

  request(): void {
    this.#isWanted = true;
    this.#running ??= this.#run();
  }

  /** Waits for the last requested save. */
  async finish(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        await this.#save();
      }
    } catch (error) {
      // The next step tries again; until then a restart would repeat the steps since the last good save.
      log.error("The state was not saved", { error });
    } finally {
      this.#running = undefined;
    }
  }
}

/**
 * Reads the state of this very validator; undefined when there is none yet. A damaged file is replaced by the one
 * before it, which is at most one step older.
 * @throws Failure `state.corrupt` when neither can be read, `state.newer`, `state.foreign`.
 */
export function loadState(directory: string, identity: Identity): SavedState | undefined {
  const path = join(directory, STATE_FILE);
  const candidates = [path, `${path}.previous`].filter((file) => existsSync(file));
  if (candidates.length === 0) return undefined;
  let damage: unknown;
  for (const file of candidates) {
    try {
      return decode(readFileSync(file), identity, file);
    } catch (error) {
      if (error instanceof Failure) throw error;
      damage ??= error;
      log.warn("The state file is damaged, trying the one before it", { file, reason: messageOf(error) });
    }
  }
  throw new Failure<StateCode>("state.corrupt", {
    message: `The state in ${directory} cannot be read: ${messageOf(damage)}`,
    hint: `restore ${STATE_FILE} from a backup, or move it away to start with empty scores`,
    cause: damage,
  });
}

function decode(file: Buffer, identity: Identity, path: string): SavedState {
  const firstEnd = file.indexOf(0x0a);
  const [magic, version, digest] = file.subarray(0, Math.max(0, firstEnd)).toString("latin1").split(" ");
  if (magic !== MAGIC) throw new Error("it does not start as a state file does");
  if (Number(version) > STATE_VERSION) {
    throw new Failure<StateCode>("state.newer", {
      message: `${path} was written by a newer openvalidator (state version ${version}, this one knows ${STATE_VERSION})`,
      hint: "run the newer version, or move the file away to start with empty scores",
    });
  }
  const body = file.subarray(firstEnd + 1);
  if (sha256(body) !== digest) throw new Error("its checksum is wrong, it was cut or changed");
  const jsonEnd = body.indexOf(0x0a);
  const head = header.parse(JSON.parse(body.subarray(0, jsonEnd).toString("utf8")));
  for (const key of ["genesis", "netuid", "hotkey"] as const) {
    if (head.identity[key] === identity[key]) continue;
    throw new Failure<StateCode>("state.foreign", {
      message: `${path} belongs to another ${key} (${head.identity[key]}, this is ${identity[key]})`,
      hint: "give this validator another --neuron.name, or move the file away",
    });
  }
  const arrays: Record<string, Float32Array> = {};
  const routerArrays: Record<string, Float32Array> = {};
  let at = jsonEnd + 1;
  for (const { name, length } of head.arrays) {
    // Copied, for the offset inside the file need not be a multiple of four.
    const values = new Float32Array(new Uint8Array(body.subarray(at, at + 4 * length)).buffer);
    if (name.startsWith(ROUTER_PREFIX)) routerArrays[name.slice(ROUTER_PREFIX.length)] = values;
    else arrays[name] = values;
    at += 4 * length;
  }
  const { scores, ...judgeArrays } = arrays;
  if (scores?.length !== head.hotkeys.length) throw new Error("scores and hotkeys differ in number");
  return {
    hotkeys: head.hotkeys,
    scores,
    steps: head.steps,
    judge: { json: head.judge, arrays: judgeArrays },
    ...(head.router !== undefined && { router: { json: head.router, arrays: routerArrays } }),
  };
}

function sha256(...parts: Uint8Array[]): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const part of parts) hasher.update(part);
  return hasher.digest("hex");
}
