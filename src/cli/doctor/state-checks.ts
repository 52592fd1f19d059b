import { accessSync, closeSync, constants, existsSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { freeBytesOf, mayMakeIn, nearestFolder } from "../../base/disk.ts";
import { lockHolder } from "../../base/lock.ts";
import { counted } from "../../base/text.ts";
import { diskBudget } from "../../config/disk-budget.ts";
import { expandPath, LOCK_FILE } from "../../config/paths.ts";
import { readEvents } from "../../events/reader.ts";
import { parseEvent } from "../../events/schema.ts";
import { ACTIVE_SEGMENT, closedSegments } from "../../events/segments.ts";
import { diskUse } from "../../validator/disk-use.ts";
import { corrupt } from "../../validator/state/failure.ts";
import { BIN_FILES } from "../../validator/state/import-bin.ts";
import { reportState, withExisting } from "../../validator/state/report.ts";
import { STATE_FILE } from "../../validator/state/schema.ts";
import { budgetStateOf, budgetText, FULL_DISK_BYTES, LOW_DISK_BYTES } from "../../validator/watch.ts";
import { bytesText } from "../progress.ts";
import { type Check, type Finding, fail, ok, skip, warn } from "./check.ts";

const LOOK_MS = 4_000;
/** Some gigabytes of events. */
const READ_ALL_MS = 300_000;
/** Write for group or others: they could put another state in. */
const OPEN_MODE_BITS = 0o022;

/** True for a folder that another user owns: opening a state there would leave files of the wrong owner beside it. */
function isForeign(path: string): boolean {
  return process.getuid !== undefined && statSync(path).uid !== process.getuid();
}

const folder: Check = {
  name: "state.folder",
  timeoutMs: LOOK_MS,
  run(patient) {
    if (patient.settings.mock) return skip("--mock makes a folder of its own");
    const directory = patient.stateDirectory;
    const base = nearestFolder(directory);
    const other =
      "choose another folder with --logging.logging_dir, or give this user the right to write there";
    if (!statSync(base).isDirectory()) return fail(`${base} is no folder`, other);
    if (base !== directory)
      return mayMakeIn(base)
        ? ok(`${directory} will be made`)
        : fail(`this user may not make ${directory} in ${base}`, other);
    const { mode } = statSync(directory);
    if (isForeign(directory))
      return warn(
        `${directory} belongs to another user`,
        "Run doctor as the user that the validator runs as, or give the folder to this one.",
      );
    tryToWrite(directory);
    if ((mode & OPEN_MODE_BITS) !== 0)
      return warn(`other users may write into ${directory}`, `Run: chmod 700 ${directory}`);
    return ok(`${directory} can be written`);
  },
};

/** A folder may refuse for other reasons than its mode: a read-only mount, a full disk. */
function tryToWrite(directory: string): void {
  const path = join(directory, `.doctor-${process.pid}.tmp`);
  try {
    closeSync(openSync(path, "wx", 0o600));
  } finally {
    rmSync(path, { force: true });
  }
}

const space: Check = {
  name: "state.space",
  timeoutMs: LOOK_MS,
  run(patient) {
    const base = nearestFolder(patient.stateDirectory);
    const free = freeBytesOf(base);
    const found = `${bytesText(free)} free in ${base}`;
    const make = "Make room on that disk, or choose another with --logging.logging_dir.";
    if (free < FULL_DISK_BYTES) return fail(found, make);
    return free < LOW_DISK_BYTES ? warn(found, make) : ok(found);
  },
};

const budget: Check = {
  name: "state.budget",
  timeoutMs: LOOK_MS,
  run({ settings, stateDirectory }) {
    if (settings.diskMax === undefined)
      return ok("no --disk.max: only events and logs have limits of their own");
    const logFile = settings.logFile === undefined ? undefined : expandPath(settings.logFile);
    const used = { usedBytes: diskUse(stateDirectory, logFile), maxBytes: settings.diskMax };
    const found = budgetText(used);
    return budgetStateOf(used) === "ok"
      ? ok(`${found}; events may take ${bytesText(diskBudget("events", settings))}`)
      : warn(
          found,
          `Raise --disk.max, or move backups and states that were put aside out of ${stateDirectory}.`,
        );
  },
};

const logFile: Check = {
  name: "log.file",
  timeoutMs: LOOK_MS,
  run({ settings }) {
    if (settings.logFile === undefined) return ok("none, the log goes to standard error alone");
    const path = expandPath(settings.logFile);
    if (existsSync(path)) {
      if (!statSync(path).isFile()) return fail(`${path} is no file`, "Choose another path with --log.file.");
      accessSync(path, constants.W_OK);
      return ok(`${path} can be written`);
    }
    const base = nearestFolder(path);
    return mayMakeIn(base)
      ? ok(`${path} will be made`)
      : fail(`this user may not make ${path} in ${base}`, "Choose another path with --log.file.");
  },
};

const lock: Check = {
  name: "state.lock",
  timeoutMs: LOOK_MS,
  run(patient) {
    const holder = lockHolder(join(patient.stateDirectory, LOCK_FILE));
    return holder === undefined
      ? ok("no other openvalidator works with this state")
      : warn(
          `an openvalidator (process ${holder || "unknown"}) works with this state now`,
          "That is right while it runs; stop it before you start another one.",
        );
  },
};

const content: Check = {
  name: "state.content",
  timeoutMs: LOOK_MS,
  async run(patient) {
    const directory = patient.stateDirectory;
    if (!existsSync(join(directory, STATE_FILE)))
      return BIN_FILES.some((name) => existsSync(join(directory, name)))
        ? ok("a state of 0.1.0, which the next start takes over")
        : ok("none yet, the first step makes it");
    if (isForeign(directory)) return skip("it belongs to another user");
    withExisting(directory, (database, path) => {
      const found = database.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get();
      if (found?.quick_check !== "ok") throw corrupt(path, found?.quick_check ?? "it cannot be checked");
    });
    const { identity, saved } = reportState(directory);
    const mend = "Give this validator another --neuron.name, or start anew by `openvalidator state reset`.";
    const hotkey = await patient.hotkey();
    if (hotkey !== undefined && identity.hotkey !== hotkey)
      return fail(`the state is that of the hotkey ${identity.hotkey}, not of ${hotkey}`, mend);
    if (identity.netuid !== patient.settings.netuid)
      return fail(`the state is that of netuid ${identity.netuid}`, mend);
    return ok(counted(saved?.steps ?? 0, "step"));
  },
};

const chain: Check = {
  name: "state.chain",
  timeoutMs: 70_000,
  needsNetwork: true,
  async run(patient) {
    if (patient.settings.mock) return skip("--mock makes a chain of its own");
    const directory = patient.stateDirectory;
    if (!existsSync(join(directory, STATE_FILE)) || isForeign(directory))
      return skip("there is no state to compare");
    const { identity } = reportState(directory);
    const node = await patient.nodes.best();
    if (node === undefined) return skip("no endpoint can be asked");
    return identity.genesis === node.connection.genesisHash
      ? ok("the state is of this chain")
      : fail(
          `the state is of another chain (genesis ${identity.genesis})`,
          "Check --subtensor.network; or give another --neuron.name, or start anew by `openvalidator state reset`.",
        );
  },
};

const journal: Check = {
  name: "journal",
  timeoutMs: LOOK_MS,
  deepMs: READ_ALL_MS,
  async run(patient) {
    if (patient.settings.neuronDontSaveEvents) return ok("off by --neuron.dont_save_events");
    const directory = join(patient.stateDirectory, "events");
    if (!existsSync(directory)) return ok("none yet, the first event makes it");
    const segments = closedSegments(directory);
    const sizes = [...segments.map(({ name }) => name), ACTIVE_SEGMENT].map(
      (name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0,
    );
    const size = bytesText(sizes.reduce((sum, bytes) => sum + bytes, 0));
    if (patient.isDeep) return await readAll(directory, size);
    const last = await lastLine(join(directory, ACTIVE_SEGMENT));
    if (last === undefined) return ok(size);
    const event = eventOf(last);
    return event === undefined
      ? warn(`the last line of ${join(directory, ACTIVE_SEGMENT)} is no event`, FOREIGN_LINES)
      : ok(`${size}, last event ${event.time}`);
  },
};

const FOREIGN_LINES = "Readers leave such lines out; look for another program that writes there.";
/** An event of a large sample has some 200 KB. */
const TAIL_BYTES = 2 << 20;

/** The last whole line of a file; undefined where it has none. */
async function lastLine(path: string): Promise<string | undefined> {
  const file = Bun.file(path);
  if (!(await file.exists())) return undefined;
  const lines = (await file.slice(Math.max(0, file.size - TAIL_BYTES)).text()).split("\n");
  return lines.length > 1 ? lines.at(-2) : undefined;
}

function eventOf(line: string): ReturnType<typeof parseEvent> {
  try {
    return parseEvent(JSON.parse(line));
  } catch {
    return undefined; // not JSON: the caller says so
  }
}

async function readAll(directory: string, size: string): Promise<Finding> {
  let events = 0;
  let strange = 0;
  for await (const _event of readEvents(directory, { onUnreadable: () => strange++ })) events++;
  return strange === 0
    ? ok(`${size}, ${counted(events, "event")}`)
    : warn(
        `${size}, ${counted(events, "event")} and ${counted(strange, "line that is none", "lines that are none")}`,
        FOREIGN_LINES,
      );
}

export const STATE_CHECKS: readonly Check[] = [folder, space, budget, lock, content, chain, journal, logFile];
