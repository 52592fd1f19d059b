import { dirname } from "node:path";
import { freeBytesOf } from "../base/disk.ts";
import { isFailure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { type ArtifactWish, type FoundRelease, fetchArtifact } from "./artifact.ts";
import { type Health, judge } from "./confirm.ts";
import { stopped, updateFailure } from "./failure.ts";
import type { Installation } from "./installation.ts";
import { PACE, type Pace } from "./pace.ts";
import { preflight } from "./preflight.ts";
import { compareVersions } from "./release.ts";
import type { TrustedFiles } from "./trust.ts";
import {
  changeRecord,
  type News,
  noteLook,
  type Pending,
  readRecord,
  type UpdateRecord,
} from "./update-record.ts";

/** Room for the packed and the unpacked file and some more, as multiples of the unpacked one. */
export const ROOM = 2.2;
/** Epochs in which a new release has to bring weights on chain. */
const WEIGHTS_WITHIN_EPOCHS = 2;
const LOOK_MS = 2_000;
/** What was watched since the record was written is lost with this process. */
const WRITE_EVERY_MS = 60_000;

/** Who runs the validator, for whoever updates it. */
export interface Service {
  /** Ends the validator in order and starts what the installation's program is now. @throws when it did not start */
  restart(): Promise<void>;
  /** undefined when nobody answers. */
  health(): Promise<Health | undefined>;
  /** How the validator ended, where whoever runs it knows that and does not start it again by itself. */
  ended?(): string | undefined;
}

/** The work on one installation, by the process that holds its lock. Killed at any point, the next one goes on. */
export class Updater {
  readonly #installation: Installation;
  readonly #service: Service | undefined;
  readonly #pace: Pace;
  readonly #signal: AbortSignal | undefined;

  /** @param service left out where nobody runs the validator: then a release is in place from its next start on. */
  constructor(
    installation: Installation,
    { service, pace = PACE, signal }: { service?: Service; pace?: Pace; signal?: AbortSignal } = {},
  ) {
    this.#installation = installation;
    this.#service = service;
    this.#pace = pace;
    this.#signal = signal;
  }

  get record(): UpdateRecord {
    return readRecord(this.#installation.recordFile);
  }

  /**
   * Downloads a release, tries it, waits for a moment that costs nothing, and puts it in place.
   * @param from version that runs now
   * @param waits whether to wait for such a moment
   * @throws Failure `update.*`, `deadline.aborted`; nothing was changed then
   */
  async install(
    files: TrustedFiles,
    found: FoundRelease,
    from: string,
    { waits, ...wish }: Omit<ArtifactWish, "to" | "running"> & { waits: boolean },
  ): Promise<void> {
    const { release } = found;
    const { version } = release;
    let health: Health | undefined;
    try {
      await this.#download(files, found, from, wish);
      await preflight(this.#installation.programOf(version), release, this.#signal);
      this.#noteLook({ state: "downloaded", to: version, reason: null, why: null });
      health = await this.#service?.health();
      if (waits && health !== undefined) await this.#waitForWindow(version);
    } catch (error) {
      // The wait for a moment was told, and the next look goes on with it.
      if (isFailure(error) && error.code.startsWith("update.") && error.code !== "update.busy")
        this.#noteLook({ state: "failed", to: version, reason: error.code, why: messageOf(error) });
      throw error;
    }
    const pending = this.#pending(version, from, health);
    // Written first: whoever finds the new program in place knows what to do about it.
    // Whoever wants a version that failed before wants it judged anew.
    const bad = this.record.bad.filter((one) => one.version !== version);
    if (this.#service !== undefined) this.#write({ pending, bad });
    this.#installation.switchTo(version);
    this.#tell("installed", from, version, null, { rollbackTo: release.rollbackTo });
    log.info("A release was put in place", { version, from });
    if (this.#service !== undefined) await this.#restart(this.#service, pending);
  }

  /**
   * Restarts a validator that runs another version than the one in place, which somebody put there; it is on trial then.
   * @returns whether there was one
   */
  async catchUp(): Promise<boolean> {
    const version = this.#installation.currentVersion();
    const health = await this.#service?.health();
    const from = health?.version ?? undefined;
    if (this.#service === undefined || version === undefined || from === undefined || from === version)
      return false;
    await this.#waitForWindow(version);
    if (!this.#installation.has(from)) {
      // Nothing to go back to.
      await this.#service.restart();
      return true;
    }
    const pending = this.#pending(version, from, health);
    this.#write({ pending });
    await this.#restart(this.#service, pending);
    return true;
  }

  /**
   * Decides about a release that is in place and was not confirmed, if there is one.
   * @param forMs how long to watch it before the decision is left to the next process
   * @returns what it waits for; undefined when nothing is open any more
   * @throws Failure `update.rolled-back`, `update.rollback-failed`, `deadline.aborted`
   */
  async settle(forMs: number): Promise<string | undefined> {
    const { ticks } = this.#pace;
    const startMs = ticks();
    let isRestarted = false;
    let seen: Pending | undefined;
    for (let lastMs = startMs; ; ) {
      const { pending: kept, bad } = this.record;
      if (kept === null) return undefined;
      const pending = seen?.version === kept.version ? seen : kept;
      const current = this.#installation.currentVersion();
      if (bad.some(({ version }) => version === pending.version))
        await this.#rollBack(pending, "it failed before");
      if (current === pending.previous) {
        // Killed between the record and the switch: nothing has happened yet.
        this.#write({ pending: null });
        return undefined;
      }
      const end = this.#service?.ended?.();
      if (end !== undefined) await this.#rollBack(pending, end);
      const health = await this.#service?.health();
      if (this.#service !== undefined && health?.version === pending.previous && !isRestarted) {
        // Killed between the switch and the restart.
        await this.#waitForWindow(pending.version);
        await this.#restart(this.#service, pending);
        isRestarted = true;
        continue;
      }
      const nowMs = ticks();
      const verdict = judge(pending, health, nowMs - lastMs);
      lastMs = nowMs;
      if (verdict.kind === "failed") await this.#rollBack(pending, verdict.why);
      if (verdict.kind === "confirmed") {
        this.#installation.confirm(pending.version, [pending.previous]);
        this.#write({ pending: null, confirmed: pending.version });
        this.#tell("confirmed", pending.previous, pending.version, null);
        log.info("A release has shown that it is well", { version: pending.version });
        return undefined;
      }
      if (verdict.kind === "waiting") {
        seen = verdict.pending;
        const isOver = nowMs - startMs >= forMs;
        if (isOver || isNews(kept, seen)) this.#write({ pending: seen });
        if (isOver) return verdict.why;
      }
      await this.#pause();
    }
  }

  /**
   * Goes back to the release before, because a person wants it or because the new one did not start at all.
   * @throws Failure always: `update.rolled-back` when that is done, `update.no-release`, `update.rollback-failed`
   */
  async rollBack(why: string): Promise<never> {
    const { pending, rollbackTo } = this.record;
    const current = this.#installation.currentVersion();
    const earlier = this.#installation
      .versions()
      .filter((other) => compareVersions(other, current ?? other) < 0);
    const previous = pending?.previous ?? earlier.at(-1);
    if (current === undefined || previous === undefined || !this.#installation.has(previous))
      throw updateFailure("update.no-release", {
        message: "there is no release before this one here",
        hint: "name one: openvalidator self-update --version VERSION --allow-downgrade",
      });
    if (pending === null && rollbackTo !== null && compareVersions(previous, rollbackTo) < 0)
      throw updateFailure("update.no-release", {
        message: `${previous} cannot read what ${current} leaves behind`,
        hint: `${rollbackTo} is the oldest version that can: openvalidator self-update --version ${rollbackTo} --allow-downgrade`,
      });
    return await this.#rollBack(pending ?? this.#pending(current, previous, undefined), why);
  }

  /** A release that is put in place now, and what it has to come up to. @param before how the validator was until then */
  #pending(version: string, previous: string, before: Health | undefined): Pending {
    const { now, wellWithinMs, trialMs, blockMs } = this.#pace;
    const { epochBlocks = null, isEnabled = false, included = 0 } = before?.weights ?? {};
    return {
      version,
      previous,
      since: new Date(now()).toISOString(),
      wellWithinMs,
      wellLeftMs: wellWithinMs,
      // A release is not blamed for weights that were not set before it either.
      weightsLeftMs:
        isEnabled && included > 0 && epochBlocks !== null
          ? wellWithinMs + WEIGHTS_WITHIN_EPOCHS * epochBlocks * blockMs
          : null,
      trialLeftMs: trialMs,
      usualPerMinute: before !== undefined && before.steps.perMinute > 0 ? before.steps.perMinute : null,
      slowMs: 0,
      run: null,
      restarts: 0,
      isWell: false,
    };
  }

  async #download(
    files: TrustedFiles,
    found: FoundRelease,
    from: string,
    wish: Omit<ArtifactWish, "to" | "running">,
  ): Promise<void> {
    const { version, unpackedBytes } = found.release;
    const to = this.#installation.programOf(version);
    this.#installation.makeRoomFor(version);
    const free = freeBytesOf(dirname(to));
    if (free < unpackedBytes * ROOM)
      throw updateFailure("update.local", {
        message: `${version} needs ${Math.ceil((unpackedBytes * ROOM) / 1e6)} MB of disk, and ${Math.floor(free / 1e6)} MB are free`,
        hint: `make room in ${dirname(to)}`,
      });
    const running = this.#installation.has(from)
      ? { version: from, path: this.#installation.programOf(from) }
      : undefined;
    const arrival = await fetchArtifact(files, found, { ...wish, to, running });
    log.info("A release was downloaded and is what was signed", { version, ...arrival });
  }

  async #restart(service: Service, pending: Pending): Promise<void> {
    try {
      await service.restart();
    } catch (error) {
      await this.#rollBack(pending, `it did not start: ${messageOf(error)}`);
    }
  }

  async #waitForWindow(version: string): Promise<void> {
    const untilMs = this.#pace.ticks() + this.#pace.windowTimeoutMs;
    let told = "";
    while (this.#pace.ticks() < untilMs) {
      const health = await this.#service?.health();
      // Nobody who could be disturbed.
      if (health === undefined || health.restart.isSafe) return;
      const why = health.restart.why ?? "the validator is busy";
      if (why !== told) log.info("The update waits for a moment that costs nothing", { version, why });
      if (told === "") this.#noteLook({ state: "waiting", to: version, reason: null, why });
      told = why;
      await this.#pause();
    }
    throw updateFailure("update.busy", {
      message: `in ${Math.round(this.#pace.windowTimeoutMs / 60_000)} minutes there was no moment to restart: ${told}`,
      hint: "it is tried again; --now does not wait",
      retry: "soon",
    });
  }

  async #rollBack(pending: Pending, why: string): Promise<never> {
    const { version, previous } = pending;
    const at = new Date(this.#pace.now()).toISOString();
    log.error("A release is taken back", { version, previous, why });
    const { bad } = this.record;
    const others = bad.filter((one) => one.version !== version);
    // Before the switch: killed here, the next process goes on, and nobody tries the version again.
    this.#write({ pending, bad: [...others, { version, why, at }] });
    this.#installation.switchTo(previous);
    try {
      await this.#service?.restart();
      await this.#waitForVersion(previous);
    } catch (cause) {
      this.#tell("failed", version, previous, `${previous} did not come back: ${messageOf(cause)}`);
      throw updateFailure("update.rollback-failed", {
        message: `${version} was not well (${why}), and ${previous}, which is in its place again, did not come up: ${messageOf(cause)}`,
        hint: "look at the log of the validator; the program in place is the one that ran before",
        cause,
      });
    }
    this.#write({ pending: null });
    this.#tell("rolled-back", version, previous, why);
    throw updateFailure("update.rolled-back", {
      message: `${version} was not well (${why}); ${previous} runs again`,
      hint: `${version} is not tried again here; tell the project`,
    });
  }

  async #waitForVersion(version: string): Promise<void> {
    if (this.#service === undefined) return;
    const untilMs = this.#pace.ticks() + this.#pace.backWithinMs;
    for (;;) {
      const health = await this.#service.health();
      if (health?.version === version && health.phase === "running") return;
      const end = this.#service.ended?.();
      if (end !== undefined) throw new Error(end);
      if (this.#pace.ticks() >= untilMs) throw new Error(`it does not answer as ${version}`);
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    await this.#pace.sleep(LOOK_MS, this.#signal);
    if (this.#signal?.aborted) throw stopped();
  }

  #write(changes: Partial<UpdateRecord>): void {
    changeRecord(this.#installation.recordFile, () => changes);
  }

  #noteLook(found: Parameters<typeof noteLook>[2]): void {
    noteLook(this.#installation.recordFile, this.#pace.now(), found);
  }

  #tell(
    outcome: News["outcome"],
    from: string,
    to: string | null,
    why: string | null,
    changes: Partial<UpdateRecord> = {},
  ): void {
    const { news } = this.record;
    const at = new Date(this.#pace.now()).toISOString();
    this.#write({ ...changes, news: [...news, { at, outcome, from, to, why }] });
  }
}

/** Whether what was seen is worth a write. */
function isNews(kept: Pending, seen: Pending): boolean {
  const { run, restarts, isWell, wellLeftMs } = seen;
  if (kept.run !== run || kept.restarts !== restarts || kept.isWell !== isWell) return true;
  return kept.wellLeftMs - wellLeftMs >= WRITE_EVERY_MS;
}
