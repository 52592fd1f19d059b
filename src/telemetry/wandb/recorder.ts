import { join } from "node:path";
import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import type { Event, GatingEvent, RunEvent } from "../../events/schema.ts";
import { describeRun, type WandbSettings } from "../../wandb/description.ts";
import { type Row, RowMaker } from "../../wandb/row.ts";
import { newRunId } from "../../wandb/run-id.ts";
import { RunSpool } from "../../wandb/spool.ts";
import { type ClientRun, startClientRun } from "./client.ts";
import type { Environment } from "./environment.ts";
import { Gateway } from "./gateway.ts";
import { refill } from "./refill.ts";

export interface RollOver {
  /** Steps of the validator: `--wandb.run_step_length`. */
  steps: number;
  hours: number;
  /** Rows of all kinds; readers of histories are slow beyond it. */
  rows: number;
}

export interface RecorderOptions {
  /** Folder of the spools. */
  directory: string;
  /** Folder of the journal; undefined = events are not kept. */
  journal: string | undefined;
  settings: WandbSettings;
  weightsStepLength: number;
  rollOver: RollOver;
  /** Of the hotkey, over the id of a run. */
  sign?: ((id: string) => Uint8Array) | undefined;
  /** Of the machine. */
  environment: Promise<Environment>;
  /** The gating layer of a run was written to a file. Never throws. */
  onLayer(spool: RunSpool, event: GatingEvent): Promise<void>;
  /** A run began; its rows may be delivered from now on. */
  onRun(spool: RunSpool): void;
  /** Rows came, or the run is sealed. */
  onRows(spool: RunSpool): void;
}

/** Rows before there is a run: the first words of the chain and of models. More of them come from the journal. */
const MAX_EARLY_ROWS = 1_000;
/** A run that cannot end is tried again after so long: each time the journal is read. */
const SEAL_AGAIN_MS = 10_000;

interface OpenRun {
  spool: RunSpool;
  client: ClientRun | undefined;
  steps: number;
  /** Number after the last event that was given to it. */
  end: number;
  mending: Promise<unknown> | undefined;
  /** When its end was last tried, ms since 1970. */
  triedMs: number;
}

/** Leads the events of the feed through the SDK into spools, and begins a new W&B run now and then. */
export class WandbRecorder {
  readonly #options: RecorderOptions;
  readonly #gateway = new Gateway();
  readonly #maker: RowMaker;
  /** The first event that no run has, and the rows of it and of those after it. */
  #first: Event | undefined;
  #early: Row[] = [];
  #facts: RunEvent | undefined;
  #open: OpenRun | undefined;
  #isFull = false;
  #exitCode = 0;
  #isClosed = false;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#maker = new RowMaker(options.weightsStepLength);
  }

  get spool(): RunSpool | undefined {
    return this.#open?.spool;
  }

  /** For a subscription of the feed. */
  async read(events: readonly Event[]): Promise<void> {
    this.#reading = this.#readAll(events);
    await this.#reading;
  }

  async #readAll(events: readonly Event[]): Promise<void> {
    for (const event of events) {
      if (this.#isClosed) return;
      await this.#take(event);
    }
  }

  /** Seals the run that is open. Events that were not read are taken from the journal. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reading;
    if (this.#open) this.#open.end = Number.POSITIVE_INFINITY;
    await this.#seal();
    await this.#gateway.stop();
  }

  async #take(event: Event): Promise<void> {
    const row = this.#maker.row(event);
    if (event.kind === "run") this.#facts ??= event;
    if (event.kind === "stop") this.#exitCode = event.exit_code;
    if (this.#open !== undefined && this.#isOver(event)) await this.#seal();
    if (this.#open === undefined) {
      this.#first ??= event;
      if (!(await this.#begin(this.#first))) {
        if (this.#early.length < MAX_EARLY_ROWS) this.#early.push(row);
        return;
      }
      this.#first = undefined;
      for (const early of this.#early.splice(0)) this.#log(early);
    }
    this.#log(row);
    if (event.kind === "gating") await this.#options.onLayer(this.#open!.spool, event);
  }

  #log(row: Row): void {
    const open = this.#open!;
    open.end = Number(row.sequence) + 1;
    if (row.kind === "step") open.steps++;
    if (open.client === undefined) this.#append(open, [row]);
    else open.client.log(row);
  }

  #isOver(event: Event): boolean {
    const { rollOver } = this.#options;
    const { spool, steps, triedMs } = this.#open!;
    if (event.kind === "stop" || Date.now() - triedMs < SEAL_AGAIN_MS) return false;
    const hours = (Date.parse(event.time) - Date.parse(spool.meta.startedAt)) / 3_600_000;
    return steps >= rollOver.steps || hours >= rollOver.hours || spool.lines("history") >= rollOver.rows;
  }

  /** @returns whether there is a run now: not before it is known what runs, nor on a full disk */
  async #begin(first: Event): Promise<boolean> {
    const { directory, settings, sign, environment, onRun } = this.#options;
    if (this.#facts === undefined) return false;
    const id = newRunId();
    const description = describeRun(id, this.#facts, settings, sign);
    const stamp = first.time.replace(/\D/g, "").slice(0, 14);
    const folder = join(directory, `run-${stamp}-${id}`);
    const machine = { ...(await environment), startedAt: first.time };
    let spool: RunSpool;
    try {
      spool = RunSpool.create(folder, {
        id,
        startedAt: first.time,
        process: first.run,
        first: first.sequence,
        description,
        environment: machine,
      });
    } catch (error) {
      this.#tellFull(folder, error);
      return false;
    }
    const open: OpenRun = {
      spool,
      client: undefined,
      steps: 0,
      end: first.sequence,
      mending: undefined,
      triedMs: Number.NEGATIVE_INFINITY,
    };
    this.#open = open;
    this.#gateway.open(id, (rows) => this.#append(open, rows));
    onRun(spool);
    try {
      open.client = await startClientRun(this.#gateway, { id, ...description });
    } catch (error) {
      // Its rows go to the spool without it; nothing else is lost.
      log.warn("The W&B SDK did not start; rows go to the spool directly", { reason: messageOf(error) });
    }
    return true;
  }

  /** Rows of the SDK or of the feed: each that comes next, none twice, and those that are missing from the journal. */
  #append(open: OpenRun, rows: readonly Row[]): void {
    const { spool } = open;
    if (spool.meta.sealed !== null) return;
    try {
      for (const row of rows) {
        const sequence = Number(row.sequence);
        if (sequence > spool.next && this.#options.journal !== undefined) {
          open.mending ??= this.#mend(open).finally(() => {
            open.mending = undefined;
          });
          break;
        }
        if (sequence >= spool.next) spool.append(row);
      }
      this.#tellRoom(spool);
    } catch (error) {
      this.#tellFull(spool.directory, error);
    }
    this.#options.onRows(spool);
  }

  /**
   * Makes the rows that are missing from the journal, up to the last event that was given to this run by the end of it.
   * @returns undefined while that fails
   */
  async #mend(open: OpenRun): Promise<{ exitCode: number | undefined } | undefined> {
    const { journal, weightsStepLength } = this.#options;
    if (journal === undefined) return { exitCode: undefined };
    try {
      for (;;) {
        const { end } = open;
        const { isWhole, exitCode } = await refill(open.spool, journal, weightsStepLength, end);
        this.#tellRoom(open.spool);
        if (!isWhole) return undefined;
        if (open.end === end) return { exitCode };
      }
    } catch (error) {
      this.#tellFull(open.spool.directory, error);
      return undefined;
    }
  }

  #tellRoom({ directory }: RunSpool): void {
    if (this.#isFull) log.warn("Rows for W&B are kept again", { path: directory });
    this.#isFull = false;
  }

  #tellFull(directory: string, error: unknown): void {
    // The journal has them: they are made from it as soon as there is room.
    if (!this.#isFull) log.warn("Rows for W&B cannot be kept", { path: directory, reason: messageOf(error) });
    this.#isFull = true;
  }

  /** Ends the run that is open. One that cannot be made whole, or on a full disk, stays so; it is tried again later. */
  async #seal(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    const { spool, client } = open;
    open.triedMs = Date.now();
    // From here on, rows go to the spool directly.
    open.client = undefined;
    try {
      await client?.finish();
    } catch (error) {
      log.debug("The W&B SDK did not end in time", { reason: messageOf(error) });
    }
    await open.mending;
    const mended = await this.#mend(open);
    if (mended === undefined) return;
    try {
      spool.seal(mended.exitCode ?? this.#exitCode);
    } catch (error) {
      this.#tellFull(spool.directory, error);
      return;
    }
    this.#gateway.close(spool.meta.id);
    this.#open = undefined;
    this.#options.onRows(spool);
  }
}
