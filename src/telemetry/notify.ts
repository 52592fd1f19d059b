import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { Settings } from "../config/options.ts";
import type { EventFeed } from "../events/feed.ts";
import type { Event } from "../events/schema.ts";
import { Headway, MIN_SILENCE_MS } from "./headway.ts";
import { type NotifySocket, openNotifySocket } from "./notify-socket.ts";
import { StatusLine } from "./status-line.ts";

/** What the service manager put into the environment: sd_notify(3), sd_watchdog_enabled(3). */
export interface Supervisor {
  /** `$NOTIFY_SOCKET` */
  socket: string;
  /** undefined = there is no watchdog, or it is another process's. */
  watchdogMs: number | undefined;
}

/** undefined when nobody wants to be told. */
export function supervisorOf(
  environment: Readonly<Record<string, string | undefined>>,
  pid = process.pid,
): Supervisor | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: micros, WATCHDOG_PID: watched } = environment;
  if (!socket || process.platform !== "linux") return undefined;
  const isOurs = watched === undefined || Number(watched) === pid;
  const watchdogMs = isOurs && /^\d{1,15}$/.test(micros ?? "") ? Number(micros) / 1000 : 0;
  return { socket, watchdogMs: watchdogMs > 0 ? watchdogMs : undefined };
}

export interface NotifyOptions {
  supervisor: Supervisor;
  feed: Pick<EventFeed, "subscribe">;
  /** Aborted by the first SIGTERM. */
  signal: AbortSignal;
  settings: Pick<Settings, "neuronFollowupTimeout" | "neuronAnswerTimeout">;
  /** Replaced by tests. */
  nowMs?(): number;
  /** Without a watchdog so much silence would be too much, milliseconds; only tests need another. */
  silenceMs?: number;
  open?(name: string): NotifySocket;
}

/** While models load, the manager is asked for so much more time with each of them; the largest takes minutes. */
const LOADING_MICROS = 900_000_000;
/** What could not be sent is sent again with the next tick. */
const RETRY_MS = 1_000;
const CAPACITY = 1_000;

/**
 * Tells the service manager how this validator is: READY when the first event of a run says that models, chain and state
 * are there, STATUS in words, WATCHDOG while it gets on (headway.ts), STOPPING. Without a service manager, or when its
 * socket cannot be used, nothing of this happens and the run goes on.
 */
export class Notify {
  readonly #socket: NotifySocket;
  readonly #nowMs: () => number;
  readonly #headway: Headway;
  readonly #line = new StatusLine();
  readonly #subscription: { close(): void };
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#stop();
  /** What waits to be sent, the newest of each name. */
  readonly #unsent = new Map<string, string>();
  #told = "";
  #isReady = false;
  #isStalled = false;
  #hasFailed = false;
  #timers: NodeJS.Timeout[] = [];
  #retry: NodeJS.Timeout | undefined;

  private constructor(options: NotifyOptions) {
    const { supervisor, feed, signal, settings, nowMs = () => performance.now() } = options;
    const { socket, watchdogMs = 0 } = supervisor;
    this.#socket = (options.open ?? openNotifySocket)(socket);
    this.#nowMs = nowMs;
    this.#signal = signal;
    const askMs = 1000 * Math.max(settings.neuronFollowupTimeout, settings.neuronAnswerTimeout);
    const { silenceMs = Math.max(MIN_SILENCE_MS, watchdogMs / 2) } = options;
    this.#headway = new Headway({ askMs, silenceMs }, nowMs());
    this.#subscription = feed.subscribe("service manager", { capacity: CAPACITY }, (events) =>
      this.#read(events),
    );
    if (watchdogMs > 0) this.#every(watchdogMs / 2, () => this.#ping());
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#say({ STATUS: this.#line.text });
    if (signal.aborted) this.#stop();
  }

  /** undefined when the socket cannot be used, which is told once. */
  static open(options: NotifyOptions): Notify | undefined {
    try {
      return new Notify(options);
    } catch (error) {
      log.warn("The service manager cannot be told how this validator is", {
        reason: messageOf(error),
        hint: "the unit needs Type=simple and no WatchdogSec= where this cannot be mended",
      });
      return undefined;
    }
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#subscription.close();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#retry);
    this.#stop();
    clearTimeout(this.#retry);
    this.#socket.close();
  }

  #read(events: readonly Event[]): void {
    const now = this.#nowMs();
    const news: Record<string, string> = {};
    for (const event of events) {
      this.#line.note(event);
      this.#headway.note(event, now);
      if (event.kind === "run" && !this.#isReady) {
        this.#isReady = true;
        news.READY = "1";
      } else if (event.kind === "model" && !this.#isReady) news.EXTEND_TIMEOUT_USEC = String(LOADING_MICROS);
    }
    const { text } = this.#line;
    if (text !== this.#told) news.STATUS = text;
    this.#say(news);
  }

  #ping(): void {
    const stall = this.#isReady ? this.#headway.stall(this.#nowMs()) : undefined;
    if (stall === undefined) {
      if (this.#isStalled) log.info("The validator gets on again");
      this.#isStalled = false;
      this.#say({ WATCHDOG: "1" });
      return;
    }
    if (!this.#isStalled)
      log.error("The validator does not get on, so the service manager's watchdog is left alone", {
        missing: stall,
      });
    this.#isStalled = true;
    this.#say({ STATUS: `Does not get on: no ${stall}` });
  }

  #stop(): void {
    if (this.#told === STOPPED) return;
    this.#line.stop();
    // The stop itself has its own limit (TimeoutStopSec).
    this.#say({ STOPPING: "1", STATUS: this.#line.text, WATCHDOG: "1" });
    this.#told = STOPPED;
  }

  #say(news: Readonly<Record<string, string>>): void {
    if (this.#told === STOPPED) return;
    for (const [name, value] of Object.entries(news)) this.#unsent.set(name, value);
    if (news.STATUS !== undefined) this.#told = news.STATUS;
    this.#flush();
  }

  #flush(): void {
    if (this.#unsent.size === 0) return;
    const text = [...this.#unsent].map(([name, value]) => `${name}=${value}`).join("\n");
    if (this.#socket.send(text)) {
      this.#unsent.clear();
      this.#hasFailed = false;
      return;
    }
    if (!this.#hasFailed) log.warn("The service manager does not take a message; it is sent again");
    this.#hasFailed = true;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#flush(), RETRY_MS);
    this.#retry.unref();
  }

  #every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    timer.unref();
    this.#timers.push(timer);
  }
}

/** Stands for the last status of all. */
const STOPPED = "\0";
