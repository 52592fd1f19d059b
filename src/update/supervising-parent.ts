import { constants } from "node:os";
import { sleep, withDeadline } from "../base/deadline.ts";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { SUPERVISOR_VARIABLE } from "../base/parent.ts";
import type { LastLook, LookTimes } from "./look-times.ts";
import type { FromUpdater, ToUpdater } from "./updater-channel.ts";

type Child = Bun.Subprocess<"inherit" | "ignore", "inherit" | "ignore", "inherit">;
type Environment = Readonly<Record<string, string | undefined>>;

/** A validator ends within twenty seconds of a signal; what takes longer hangs. */
const STOP_TIMEOUT_MS = 30_000;
/** An updater that is told to stop leaves all as it is. */
const UPDATER_STOP_MS = 5_000;
/** As shells say it of a process that a signal ended, and of one that could not be started. */
const BY_SIGNAL = 128;
const NOT_STARTED = 127;

export interface SupervisedPrograms {
  /** The validator; the program is whatever release is in place at the time. */
  validator: readonly string[];
  validatorEnvironment: Environment;
  /** What looks for releases, judges them and takes them back (`update-worker`). */
  updater(): readonly string[];
  updaterEnvironment: Environment;
  /** Whether a release is in place that has not shown yet that it is well. */
  hasUnconfirmed(): boolean;
  looks: LookTimes;
  /** Whether a validator ends by itself when its work is done. */
  hasEnd: boolean;
  stopTimeoutMs?: number;
}

/**
 * The parent of a validator that is updated without systemd. It starts the validator, passes signals on to it and its exit
 * code on to whoever started the parent, and from time to time starts a process that looks for releases, judges them and
 * takes them back (`Updater`). Of updates it knows no more than how to restart the validator when that process asks for it,
 * so that an old parent goes on with new releases. A validator that ends is started again for an update alone.
 */
export class SupervisingParent {
  readonly #programs: SupervisedPrograms;
  #validator: Child | undefined;
  #updater: Bun.Subprocess<"ignore", "ignore", "inherit"> | undefined;
  /** Exit code and words of the last end of a validator that nobody asked for. */
  #end: { code: number; how: string } | undefined;
  #isRestarting = false;
  readonly #stopping = new AbortController();
  readonly #over = Promise.withResolvers<number>();

  constructor(programs: SupervisedPrograms) {
    this.#programs = programs;
  }

  /**
   * @returns the exit code of the validator, when it has ended
   * @throws the error of the system when the validator cannot be started at all
   */
  async run(): Promise<number> {
    this.#start();
    void this.#look();
    return await this.#over.promise;
  }

  /** Hands a signal to the validator, which decides what it means; there is no start after it. */
  signal(name: NodeJS.Signals): void {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      const { stopTimeoutMs = STOP_TIMEOUT_MS } = this.#programs;
      setTimeout(() => this.#validator?.kill("SIGKILL"), stopTimeoutMs).unref();
    }
    this.#updater?.kill("SIGTERM");
    if (this.#validator === undefined) void this.#finish(this.#end?.code ?? 0);
    else this.#validator.kill(name);
  }

  #start(): void {
    const { validator, validatorEnvironment } = this.#programs;
    const child: Child = Bun.spawn([...validator], {
      env: { ...validatorEnvironment, [SUPERVISOR_VARIABLE]: String(process.pid) },
      stdio: ["inherit", "inherit", "inherit"],
    });
    this.#end = undefined;
    this.#validator = child;
    void child.exited.then(() => this.#onValidatorEnd(child));
  }

  #onValidatorEnd(child: Child): void {
    this.#validator = undefined;
    const end = endOf(child);
    // Whoever restarts it knows.
    if (this.#isRestarting && !this.#stopping.signal.aborted) return;
    this.#end = end;
    const isDone = this.#programs.hasEnd && end.code === 0;
    if (isDone || !this.#isOnTrial()) return void this.#finish(end.code);
    log.error("The validator ended while its release was still on trial", { how: end.how });
    if (this.#updater === undefined) void this.#startUpdater();
    else this.#answer({ kind: "ended", how: end.how });
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopping;
    for (let last: LastLook = "none"; ; ) {
      await sleep(this.#programs.looks.next(last), signal);
      if (signal.aborted) return;
      // One may be about to take a release back.
      if (this.#updater === undefined) last = (await this.#startUpdater()) ? "good" : "failed";
    }
  }

  /** @returns once it has ended, whether it could do its work */
  async #startUpdater(): Promise<boolean> {
    const { updater, updaterEnvironment } = this.#programs;
    const before = this.#end;
    let code: number | null = null;
    try {
      const child = Bun.spawn([...updater()], {
        env: { ...updaterEnvironment },
        stdio: ["ignore", "ignore", "inherit"],
        ipc: (message: FromUpdater) => {
          if (message.kind === "restart") void this.#restart();
        },
      });
      this.#updater = child;
      if (before !== undefined) this.#answer({ kind: "ended", how: before.how });
      await child.exited;
      code = child.exitCode;
    } catch (error) {
      log.error("The updater could not be started", { reason: messageOf(error) });
    }
    this.#updater = undefined;
    const end = this.#end;
    // It decided nothing about the end of the validator, perhaps because it was killed: once more, by a new one.
    if (end !== undefined && end !== before && this.#isOnTrial()) return await this.#startUpdater();
    if (end !== undefined) await this.#finish(end.code);
    return code === 0;
  }

  #isOnTrial(): boolean {
    return !this.#stopping.signal.aborted && this.#programs.hasUnconfirmed();
  }

  async #restart(): Promise<void> {
    this.#isRestarting = true;
    try {
      await this.#stopValidator();
      if (this.#stopping.signal.aborted) return;
      this.#start();
      this.#answer({ kind: "restarted" });
    } catch (error) {
      this.#end = { code: NOT_STARTED, how: `it could not be started: ${messageOf(error)}` };
      if (this.#updater === undefined) void this.#finish(this.#end.code);
      else this.#answer({ kind: "failed", why: messageOf(error) });
    } finally {
      this.#isRestarting = false;
    }
  }

  async #stopValidator(): Promise<void> {
    const child = this.#validator;
    if (child === undefined) return;
    child.kill("SIGTERM");
    const { stopTimeoutMs = STOP_TIMEOUT_MS } = this.#programs;
    try {
      await withDeadline("the end of the validator", stopTimeoutMs, child.exited);
    } catch (error) {
      log.warn("The validator did not stop and is killed", { reason: messageOf(error) });
      child.kill("SIGKILL");
      await child.exited;
    }
  }

  #answer(message: ToUpdater): void {
    try {
      this.#updater?.send(message);
    } catch (error) {
      // It has ended meanwhile, which is dealt with where its end is seen.
      log.debug("The updater does not listen", { error });
    }
  }

  async #finish(code: number): Promise<void> {
    this.#stopping.abort();
    const updater = this.#updater;
    if (updater !== undefined) {
      updater.kill("SIGTERM");
      const late = setTimeout(() => updater.kill("SIGKILL"), UPDATER_STOP_MS);
      await updater.exited;
      clearTimeout(late);
    }
    this.#over.resolve(code);
  }
}

function endOf({ exitCode, signalCode }: Child): { code: number; how: string } {
  if (signalCode === null) return { code: exitCode ?? 0, how: `it ended with exit code ${exitCode}` };
  return {
    code: BY_SIGNAL + constants.signals[signalCode as NodeJS.Signals],
    how: `it was ended by ${signalCode}`,
  };
}
