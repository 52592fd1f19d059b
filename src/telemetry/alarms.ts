import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { backOffMs } from "../base/retry.ts";
import { NetFailure } from "../net/failure.ts";
import { postText } from "../net/whole.ts";
import { type Alarm, type AlarmForm, type AlarmUpload, formOfUrl, uploadOf } from "./alarm-forms.ts";
import type { AlarmMemory } from "./alarm-memory.ts";
import type { Alert, AlertName, Status } from "./status.ts";

export interface AlarmOptions {
  /** A secret: who has it can write to the operator. Neither it nor a part of its path is ever shown. */
  url: string;
  /** undefined = by the server's name. */
  form: AlarmForm | undefined;
  status(): Status;
  /** Remembers over a restart what was told; undefined = nothing does. */
  memory?: AlarmMemory | undefined;
  /** Replaced by tests. */
  nowMs?(): number;
  lastWordsMs?: number;
  send?(upload: AlarmUpload): Promise<void>;
}

const CHECK_MS = 10_000;
/** An alert that comes back within this time was never over. */
const CLEAR_MS = 120_000;
const POST_TIMEOUT_MS = 10_000;
const BACK_OFF = { firstMs: 5_000, maxMs: 300_000 };
/** What the last words of a run may take. */
const LAST_WORDS_MS = 3_000;

/** Sends one alarm, once. The address is in no message. @throws NetFailure */
export function sendAlarm(url: string, upload: AlarmUpload): Promise<void> {
  const access = { timeoutMs: POST_TIMEOUT_MS, shown: `the alarm server ${new URL(url).hostname}` };
  return postText(access, url, upload);
}

interface Known {
  alert: Alert;
  /** When it was seen to be gone; undefined while it is up. */
  goneMs: number | undefined;
}

/**
 * Posts alerts when they come up and when they are over, each once. What cannot be sent waits, the newest of each alert,
 * and is tried again with a growing pause; the run never waits for it.
 */
export class Alarms {
  readonly #options: AlarmOptions;
  readonly #form: AlarmForm;
  readonly #nowMs: () => number;
  readonly #send: (upload: AlarmUpload) => Promise<void>;
  readonly #known = new Map<AlertName, Known>();
  readonly #unsent = new Map<AlertName, Alarm>();
  readonly #timer: NodeJS.Timeout;
  #sending: Promise<void> | undefined;
  #failures = 0;
  #notBeforeMs = 0;

  constructor(options: AlarmOptions) {
    this.#options = options;
    this.#form = options.form ?? formOfUrl(options.url);
    this.#nowMs = options.nowMs ?? Date.now;
    this.#send = options.send ?? ((upload) => sendAlarm(options.url, upload));
    for (const alert of options.memory?.load() ?? [])
      this.#known.set(alert.name, { alert, goneMs: undefined });
    this.#timer = setInterval(() => this.check(), CHECK_MS);
    this.#timer.unref();
  }

  /** Alarms that wait to be sent. */
  get waiting(): number {
    return this.#unsent.size;
  }

  /** Looks at the alerts of now, and sends what is new. Never throws and never waits. */
  check(): void {
    const status = this.#options.status();
    const nowMs = this.#nowMs();
    const before = this.#known.size;
    let isNews = false;
    for (const alert of status.alerts) {
      const known = this.#known.get(alert.name);
      this.#known.set(alert.name, { alert: known?.alert ?? alert, goneMs: undefined });
      if (known !== undefined) continue;
      isNews = true;
      this.#tell("firing", alert, status);
    }
    const up = new Set(status.alerts.map(({ name }) => name));
    for (const [name, known] of this.#known) {
      // While it starts it does not know yet how things are.
      if (up.has(name) || status.phase === "starting") continue;
      known.goneMs ??= nowMs;
      if (nowMs - known.goneMs < CLEAR_MS) continue;
      this.#known.delete(name);
      this.#tell("resolved", known.alert, status, known.goneMs);
    }
    if (isNews || this.#known.size < before)
      this.#options.memory?.save([...this.#known.values()].map(({ alert }) => alert));
    this.#flush();
  }

  /** Gives the last words a moment. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#notBeforeMs = 0;
    this.check();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.lastWordsMs ?? LAST_WORDS_MS);
    });
    await Promise.race([this.#sending, late]);
    clearTimeout(timer);
    if (this.#unsent.size > 0)
      log.warn("Alarms were not sent before the end", { alerts: [...this.#unsent.keys()] });
  }

  /** When what was begun to be sent is through, or has failed. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  #tell(state: Alarm["state"], alert: Alert, status: Status, goneMs?: number): void {
    const { hotkey, uid, netuid, version } = status;
    this.#unsent.set(alert.name, {
      state,
      alert,
      resolvedAt: goneMs === undefined ? null : new Date(goneMs).toISOString(),
      validator: { hotkey, uid, netuid, version },
    });
  }

  #flush(): void {
    if (this.#unsent.size === 0 || this.#nowMs() < this.#notBeforeMs) return;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    for (let next = first(this.#unsent); next !== undefined; next = first(this.#unsent)) {
      const [name, alarm] = next;
      try {
        await this.#send(uploadOf(alarm, this.#form));
      } catch (error) {
        this.#postpone(error);
        return;
      }
      // Meanwhile it may have been replaced by what came of it.
      if (this.#unsent.get(name) === alarm) this.#unsent.delete(name);
      if (this.#failures > 0) log.info("Alarms are sent again");
      this.#failures = 0;
    }
  }

  #postpone(error: unknown): void {
    const asked = error instanceof NetFailure ? (error.retryAfterMs ?? 0) : 0;
    this.#notBeforeMs = this.#nowMs() + Math.max(asked, backOffMs(BACK_OFF, this.#failures));
    // The error itself may hold the address.
    if (this.#failures++ === 0)
      log.warn("Alarms cannot be sent and will be tried again", {
        reason: messageOf(error),
        hint: "`openvalidator alert test` sends one; --alert.form names the form that the server takes",
      });
  }
}

function first<K, V>(map: ReadonlyMap<K, V>): [K, V] | undefined {
  for (const entry of map) return entry;
  return undefined;
}
