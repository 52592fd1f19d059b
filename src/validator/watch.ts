import { isClockWrong } from "../base/clock-skew.ts";
import { log } from "../base/log.ts";
import { Tracker } from "../base/tracker.ts";
import type { BlockNumber, Hotkey, Uid } from "../base/units.ts";
import type { Reply } from "../base/vocabulary.ts";
import type { ForwardBody } from "../events/schema.ts";
import type { EventFeed, Outage, Subnet } from "./ports.ts";

/** A day of events and a state come to some hundred megabytes; below `full` the next rotation may fail. */
export const LOW_DISK_BYTES = 1_000_000_000;
export const FULL_DISK_BYTES = 50_000_000;
/** A permit can come back by itself, so its want is told again now and then: each hour on the public chain. */
const REMIND_READINGS = 30;

/** Blocks that the final ones lag: two to four are usual (GRANDPA); so many are five minutes on the public chain. */
const STALLED_FINALITY_BLOCKS = 25;
const SOUND_FINALITY_BLOCKS = 10;

/** Share by which free space has to change to be told anew, so that what screens show is never far off. */
const TOLD_CHANGE = 0.02;

/** Better to worse. */
const DISK_STATES = ["ok", "low", "full"] as const;
/** Share of --disk.max whose use is told beforehand. The parts stay within their shares, so it is state and strange files that come so far. */
const LOW_BUDGET_SHARE = 0.95;

function diskStateOf(freeBytes: number): DiskState {
  return freeBytes < FULL_DISK_BYTES ? "full" : freeBytes < LOW_DISK_BYTES ? "low" : "ok";
}

export function budgetStateOf({ usedBytes, maxBytes }: DiskBudget): DiskState {
  return usedBytes >= maxBytes ? "full" : usedBytes >= LOW_BUDGET_SHARE * maxBytes ? "low" : "ok";
}

export function budgetText({ usedBytes, maxBytes }: DiskBudget): string {
  return `${Math.ceil(usedBytes / 1e6)} MB of --disk.max ${Math.floor(maxBytes / 1e6)} MB are used`;
}

export interface MinersFacts {
  asked: number;
  reached: number;
  outage?: Outage;
}

type MinersState = "reached" | "outage";
type ClockState = "right" | "wrong";
type DiskState = (typeof DISK_STATES)[number];
/** What of --disk.max is used, bytes. */
export interface DiskBudget {
  usedBytes: number;
  maxBytes: number;
}
interface DiskFacts {
  path: string;
  freeBytes: number;
  /** Where it is the budget that runs out. */
  budget: DiskBudget | undefined;
}
type PermitState = "held" | "missing";
type FinalityState = "moving" | "stalled";
/** Whether every miner had a turn since the weights before. */
type TurnsState = "all" | "some";
interface TurnsFacts {
  without: number;
  miners: number;
  /** Block of the weights before. */
  since: number;
}
/** Why forward passes give no evidence at the moment; `running` while they do. */
type ForwardsState = "running" | Exclude<ForwardBody["reason"], "error" | null>;

/** What a validator knows of the things outside it, told at every change: miners, this machine's clock, its permit. */
export class Watch {
  readonly #feed: EventFeed;
  readonly #nowMs: () => number;
  /** By hotkey, the number of the last step that it answered in; larger is later. */
  readonly #reached = new Map<Hotkey, number>();
  #answers = 0;
  #skewMs = 0;
  /** Own uid and block of registration at the last reading. */
  #registration: { uid: Uid; registeredAt: BlockNumber | undefined } | undefined;
  /** Readings of the subnet without a permit since that was last told. */
  #bareReadings = 0;
  #toldFreeBytes = 0;
  #neededVersionKey: number | undefined;
  /** Blocks of foreign updates that were told. */
  readonly #toldForeign = new Set<number>();
  readonly miners: Tracker<MinersState, MinersFacts>;
  readonly clock: Tracker<ClockState, string>;
  readonly permit: Tracker<PermitState>;
  readonly disk: Tracker<DiskState, DiskFacts>;
  readonly forwards: Tracker<ForwardsState>;
  readonly finality: Tracker<FinalityState, number>;
  readonly turns: Tracker<TurnsState, TurnsFacts>;

  /** @param nowMs wall time in milliseconds since 1970 */
  constructor(feed: EventFeed, nowMs: () => number) {
    this.#feed = feed;
    this.#nowMs = nowMs;
    this.miners = new Tracker<MinersState, MinersFacts>("reached", ({ to, heldMs }, facts) =>
      this.#tellMiners(to, heldMs, facts),
    );
    this.clock = new Tracker<ClockState, string>("right", ({ to }, detail) => this.#tellClock(to, detail));
    this.permit = new Tracker<PermitState>("held", ({ to }) => this.#tellPermit(to));
    this.disk = new Tracker<DiskState, DiskFacts>("ok", ({ to }, facts) => this.#tellDisk(to, facts));
    this.finality = new Tracker<FinalityState, number>("moving", ({ to }, behind) =>
      this.#tellFinality(to, behind),
    );
    this.forwards = new Tracker<ForwardsState>("running", ({ to }) => tellForwards(to));
    this.turns = new Tracker<TurnsState, TurnsFacts>("all", ({ to }, facts) => tellTurns(to, facts));
  }

  /** How this machine's clock stands to the chain's, as part of a sentence. */
  get skew(): string {
    const seconds = Math.round(Math.abs(this.#skewMs) / 1000);
    return `this machine's clock is ${seconds} s ${this.#skewMs > 0 ? "ahead of" : "behind"} the chain`;
  }

  noteReached(replies: readonly Reply[]): void {
    this.#answers++;
    for (const { hotkey } of replies) this.#reached.set(hotkey, this.#answers);
  }

  /** Larger is later; undefined when this miner has not answered in this run. */
  lastReached(hotkey: Hotkey): number | undefined {
    return this.#reached.get(hotkey);
  }

  /** Compares the clock, the registration and the permit with what the chain says. */
  noteSubnet(subnet: Subnet): void {
    this.#skewMs = this.#nowMs() - subnet.chainTimeMs;
    // A slow endpoint is no wrong clock: time that the reading took is not time that this machine is ahead.
    const isWrong = isClockWrong(this.#skewMs, subnet.tookMs);
    this.clock.set(isWrong ? "wrong" : "right", this.skew);
    this.#noteVersionKey(subnet.neededVersionKey);
    const own = subnet.neurons[subnet.ownUid];
    this.#noteRegistration(subnet.ownUid, own?.registeredAt);
    const isHeld = own?.hasValidatorPermit === true;
    const isNews = this.permit.set(isHeld ? "held" : "missing", undefined);
    this.#bareReadings = isHeld || isNews ? 0 : this.#bareReadings + 1;
    if (this.#bareReadings === REMIND_READINGS) {
      this.#bareReadings = 0;
      log.warn("This hotkey still holds no validator permit; forward passes and weights wait");
    }
    const held = new Set(subnet.neurons.map(({ hotkey }) => hotkey));
    for (const hotkey of this.#reached.keys()) if (!held.has(hotkey)) this.#reached.delete(hotkey);
  }

  #noteVersionKey(needed: number | undefined): void {
    if (needed === this.#neededVersionKey) return;
    this.#neededVersionKey = needed;
    if (needed === undefined) log.info("The subnet takes weights of this version again");
    else
      log.warn("The subnet asks for a newer version of weights and takes none of ours", {
        versionKey: needed,
        hint: "update openvalidator, or set --neuron.version_key if the owner says so",
      });
  }

  /** @param finalized the highest final block at this head */
  noteFinality(head: number, finalized: number): void {
    const behind = head - finalized;
    if (behind >= STALLED_FINALITY_BLOCKS) this.finality.set("stalled", behind);
    else if (behind <= SOUND_FINALITY_BLOCKS) this.finality.set("moving", behind);
  }

  #tellFinality(to: FinalityState, behind: number): void {
    const detail = `the last final block is ${behind} blocks old`;
    if (to === "stalled")
      log.warn("The chain's blocks do not become final: what is in them may be taken back", {
        detail,
        hint: "nothing is to be done here; weights that are taken back are set again",
      });
    else log.info("The chain's blocks become final again", { behind });
    this.#feed.emit({
      kind: "chain",
      state: "finality",
      endpoint: null,
      detail,
      value: to === "stalled" ? behind : 0,
    });
  }

  /** This hotkey has no uid any more, which ends the run. @param detail why, one sentence */
  noteUnregistered(detail: string): void {
    // Each duty finds it out for itself.
    if (this.#registration === undefined) return;
    this.#registration = undefined;
    this.#tellRegistration(null, detail);
  }

  /** The last update of the own weights on chain was none of this validator's. */
  noteForeignUpdate(block: number): void {
    if (this.#toldForeign.has(block)) return;
    this.#toldForeign.add(block);
    log.warn("Somebody else set weights with this hotkey", {
      block,
      hint: "run one validator with a hotkey; `openvalidator weights show` tells what is on chain",
    });
  }

  #noteRegistration(uid: Uid, registeredAt: BlockNumber | undefined): void {
    const before = this.#registration;
    this.#registration = { uid, registeredAt };
    if (before === undefined || (before.uid === uid && before.registeredAt === registeredAt)) return;
    const detail =
      before.registeredAt === registeredAt
        ? `this hotkey moved from uid ${before.uid} to ${uid}`
        : `this hotkey registered anew, as uid ${uid}`;
    log.info("The registration of this hotkey changed", { detail });
    this.#tellRegistration(uid, detail);
  }

  #tellRegistration(uid: Uid | null, detail: string): void {
    this.#feed.emit({ kind: "chain", state: "registration", endpoint: null, detail, value: uid });
  }

  noteDisk(path: string, freeBytes: number, budget?: DiskBudget): void {
    const before = this.disk.state;
    const ofDisk = diskStateOf(freeBytes);
    const ofBudget = budget === undefined ? "ok" : budgetStateOf(budget);
    const isBudget = DISK_STATES.indexOf(ofBudget) > DISK_STATES.indexOf(ofDisk);
    this.disk.set(isBudget ? ofBudget : ofDisk, {
      path,
      freeBytes,
      budget: isBudget ? budget : undefined,
    });
    if (Math.abs(freeBytes - this.#toldFreeBytes) <= this.#toldFreeBytes * TOLD_CHANGE) return;
    if (this.disk.state === before)
      this.#feed.emit({
        kind: "disk",
        state: before,
        path,
        free_bytes: freeBytes,
        detail: isBudget && budget !== undefined ? budgetText(budget) : null,
      });
    this.#toldFreeBytes = freeBytes;
  }

  #tellDisk(to: DiskState, { path, freeBytes, budget }: DiskFacts): void {
    const fields = { path, freeMegabytes: Math.floor(freeBytes / 1e6) };
    const detail = budget === undefined ? null : budgetText(budget);
    if (detail !== null)
      log.warn(to === "full" ? "The disk budget is used up" : "The disk budget runs low", {
        path,
        detail,
        hint: "raise --disk.max, or move backups and states that were put aside out of this folder",
      });
    else if (to === "ok") log.info("The disk has room again", fields);
    else
      log.warn(to === "full" ? "The disk is as good as full" : "The disk runs low", {
        ...fields,
        hint: "free some space, or lower --neuron.events_retention_size",
      });
    this.#feed.emit({ kind: "disk", state: to, path, free_bytes: freeBytes, detail });
  }

  #tellMiners(to: MinersState, heldMs: number, { asked, reached, outage }: MinersFacts): void {
    if (to === "outage")
      log.error("No miner gave evidence; scores stay as they are until one does", {
        cause: outage?.text,
        asked,
      });
    else log.info("Miners give evidence again", { asked, reached, outageSeconds: Math.round(heldMs / 1000) });
    this.#feed.emit({
      kind: "miners",
      state: to,
      cause: outage?.text ?? null,
      asked,
      reached,
      since_ms: heldMs,
    });
  }

  #tellClock(to: ClockState, detail: string): void {
    if (to === "wrong")
      log.warn("The clock is wrong: miners refuse requests of another time", {
        detail,
        hint: "set the clock, for example with systemd-timesyncd or chrony",
      });
    else log.info("The clock agrees with the chain again", { detail });
    this.#feed.emit({ kind: "chain", state: "clock", endpoint: null, detail, value: this.#skewMs / 1000 });
  }

  #tellPermit(to: PermitState): void {
    if (to === "missing")
      log.warn(
        "This hotkey holds no validator permit: miners refuse it and the chain takes no weights of it",
        {
          hint: "more stake brings the permit back at the next epoch",
        },
      );
    else log.info("This hotkey holds a validator permit again");
    this.#feed.emit({
      kind: "chain",
      state: "permit",
      endpoint: null,
      detail: to,
      value: to === "held" ? 1 : 0,
    });
  }
}

function tellTurns(to: TurnsState, { without, miners, since }: TurnsFacts): void {
  if (to === "all") log.info("Every miner was asked since the weights before", { miners, since });
  else
    log.warn("Miners were not asked since the weights before; their scores are older", {
      miners: without,
      of: miners,
      since,
      hint: "--neuron.cover asks those first; larger samples reach more",
    });
}

/** Outages and permits have lines of their own, and a pass that nobody answered is told step by step. */
function tellForwards(to: ForwardsState): void {
  if (to === "no-miner")
    log.warn("No miner of this subnet can be asked now: none serves, or the budget of requests is used up");
}
