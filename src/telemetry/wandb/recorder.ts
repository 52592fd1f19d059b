import { join } from "node:path";
import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import type { Event, RunEvent } from "../../events/schema.ts";
import { describeRun, type WandbSettings } from "../../wandb/description.ts";
import { type Row, RowMaker } from "../../wandb/row.ts";
import { newRunId } from "../../wandb/run-id.ts";
import { RunSpool } from "../../wandb/spool.ts";
import { type ClientRun, startClientRun } from "./client.ts";
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
  /** A run began; its rows may be delivered from now on. */
  onRun(spool: RunSpool): void;
  /** Rows came, or the run is sealed. */
  onRows(spool: RunSpool): void;
}

/** Events that come before the one that tells what runs: the first words of the chain and of models. */
const MAX_EARLY_EVENTS = 1_000;

interface OpenRun {
  spool: RunSpool;
  client: ClientRun | undefined;
  steps: number;
  /** Number after the last event that was given to it. */
  end: number;
  mending: Promise<unknown> | undefined;
}

/** Leads the events of the feed through the SDK into spools, and begins a new W&B run now and then. */
export class WandbRecorder {
  readonly #options: RecorderOptions;
  readonly #gateway = new Gateway();
  readonly #maker: RowMaker;
  #early: Event[] = [];
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
    if (this.#facts === undefined) {
      if (event.kind !== "run") {
        if (this.#early.length < MAX_EARLY_EVENTS) this.#early.push(event);
        return;
      }
      this.#facts = event;
      const early = this.#early.splice(0);
      await this.#begin(early[0] ?? event);
      for (const one of early) this.#log(one);
    } else if (this.#isOver(event)) {
      await this.#seal();
      await this.#begin(event);
    }
    if (event.kind === "stop") this.#exitCode = event.exit_code;
    this.#log(event);
  }

  #log(event: Event): void {
    const row = this.#maker.row(event);
    const open = this.#open!;
    open.end = event.sequence + 1;
    if (event.kind === "step") open.steps++;
    if (open.client === undefined) this.#append(open, [row]);
    else open.client.log(row);
  }

  #isOver(event: Event): boolean {
    const { rollOver } = this.#options;
    const { spool, steps } = this.#open!;
    if (event.kind === "stop") return false;
    const hours = (Date.parse(event.time) - Date.parse(spool.meta.startedAt)) / 3_600_000;
    return steps >= rollOver.steps || hours >= rollOver.hours || spool.lines("history") >= rollOver.rows;
  }

  async #begin(first: Event): Promise<void> {
    const { directory, settings, sign, onRun } = this.#options;
    const id = newRunId();
    const description = describeRun(id, this.#facts!, settings, sign);
    const stamp = first.time.replace(/\D/g, "").slice(0, 14);
    const spool = RunSpool.create(join(directory, `run-${stamp}-${id}`), {
      id,
      startedAt: first.time,
      process: first.run,
      first: first.sequence,
      description,
    });
    const open: OpenRun = {
      spool,
      client: undefined,
      steps: 0,
      end: first.sequence,
      mending: undefined,
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
      this.#tellFull(spool, error);
    }
    this.#options.onRows(spool);
  }

  /**
   * Makes the rows that are missing from the journal, up to the last event that was given to this run.
   * @returns undefined while that fails
   */
  async #mend({ spool, end }: OpenRun): Promise<{ exitCode: number | undefined } | undefined> {
    const { journal, weightsStepLength } = this.#options;
    if (journal === undefined) return { exitCode: undefined };
    try {
      const { isWhole, exitCode } = await refill(spool, journal, weightsStepLength, end);
      this.#tellRoom(spool);
      return isWhole ? { exitCode } : undefined;
    } catch (error) {
      this.#tellFull(spool, error);
      return undefined;
    }
  }

  #tellRoom({ directory }: RunSpool): void {
    if (this.#isFull) log.warn("Rows for W&B are kept again", { path: directory });
    this.#isFull = false;
  }

  #tellFull({ directory }: RunSpool, error: unknown): void {
    // The journal has them: they are made from it as soon as there is room.
    if (!this.#isFull) log.warn("Rows for W&B cannot be kept", { path: directory, reason: messageOf(error) });
    this.#isFull = true;
  }

  async #seal(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const { spool, client } = open;
    try {
      await client?.finish();
    } catch (error) {
      log.debug("The W&B SDK did not end in time", { reason: messageOf(error) });
    }
    this.#gateway.close(spool.meta.id);
    await open.mending;
    // One that is not whole stays open: the next start makes it whole from the journal.
    const mended = await this.#mend(open);
    if (mended !== undefined) spool.seal(mended.exitCode ?? this.#exitCode);
    this.#options.onRows(spool);
  }
}
