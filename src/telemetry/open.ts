import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { diskBudget } from "../config/disk-budget.ts";
import type { Settings } from "../config/options.ts";
import type { EventFeed } from "../events/feed.ts";
import { AlarmMemory } from "./alarm-memory.ts";
import { Alarms } from "./alarms.ts";
import { AllWell } from "./all-well.ts";
import { MIN_SILENCE_MS } from "./headway.ts";
import { healthRoutes } from "./health.ts";
import { LivePage } from "./live/live.ts";
import { Metrics } from "./metrics.ts";
import { Notify, supervisorOf } from "./notify.ts";
import { json, plain, type Route, TelemetryServer } from "./server.ts";
import type { Status } from "./status.ts";
import { StatusFold } from "./status-fold.ts";
import { openStatusSocket } from "./status-socket.ts";
import { WandbReporter } from "./wandb/wandb.ts";

export interface TelemetryOptions {
  /** The state folder. */
  directory: string;
  /** Aborted when the run is to stop. */
  signal: AbortSignal;
  environment: Readonly<Record<string, string | undefined>>;
  /** Signature of the hotkey over the id of a W&B run; none when left out. */
  signRunId?: ((id: string) => Uint8Array) | undefined;
  /** Requests that were sent to nodes of the chain since the start. */
  chainRequests?: (() => number) | undefined;
}

export interface Telemetry {
  /** Of the HTTP server; undefined when it is off or could not start. */
  readonly port: number | undefined;
  status(): Status;
  close(): Promise<void>;
}

/** As the reader of the feed with the most to do. */
const CAPACITY = 10_000;

/**
 * Starts all that shows a validator to people and programs. It reads the feed and nothing else; a part that cannot start
 * is told once and left out, for nothing of this may hold or end a run. Never throws.
 */
export function openTelemetry(
  settings: Settings,
  feed: EventFeed,
  { directory, signal, environment, signRunId, chainRequests }: TelemetryOptions,
): Telemetry {
  const closers: { what: string; close(): void | Promise<void> }[] = [];
  const askMs = 1000 * Math.max(settings.neuronFollowupTimeout, settings.neuronAnswerTimeout);
  const fold = new StatusFold({ askMs, silenceMs: MIN_SILENCE_MS });
  const live = new LivePage(fold.miners);
  const allWell = new AllWell();
  let wandb: WandbReporter | undefined;
  const status = (): Status => {
    for (const [name, value] of Object.entries(wandb?.status ?? {})) fold.noteTelemetry(name, value);
    return fold.snapshot(Date.now());
  };
  const metrics = new Metrics({
    status,
    feed: () => feed.state,
    perUid: settings.metricsPerUid,
    ...(chainRequests && { chainRequests }),
  });
  /** Starts a part; undefined when it cannot. */
  const start = <T extends { close(): void | Promise<void> } | undefined>(
    what: string,
    open: () => T,
    hint?: string,
  ): T | undefined => {
    try {
      const part = open();
      if (part !== undefined) closers.push({ what, close: () => part.close() });
      return part;
    } catch (error) {
      log.warn("A part of telemetry cannot start; the validator runs without it", {
        part: what,
        reason: messageOf(error),
        hint,
      });
      return undefined;
    }
  };

  const reader = start("status", () =>
    feed.subscribe("status", { capacity: CAPACITY }, (events) => {
      for (const event of events) {
        fold.apply(event);
        allWell.note(event, status);
      }
    }),
  );
  start("metrics", () =>
    feed.subscribe("metrics", { capacity: CAPACITY }, (events) => {
      for (const event of events) metrics.note(event);
    }),
  );
  wandb = start("W&B", () =>
    settings.wandbOff
      ? undefined
      : new WandbReporter(feed, {
          settings,
          directory,
          keepsJournal: !settings.neuronDontSaveEvents,
          environment,
          sign: signRunId,
          budgetBytes: diskBudget("wandb", settings),
        }),
  );
  start("live page", () => {
    const subscription = feed.subscribe("live page", { capacity: CAPACITY }, (events) => {
      for (const event of events) live.apply(event);
    });
    return {
      close() {
        subscription.close();
        live.close();
      },
    };
  });
  const { alertUrl: url, alertForm } = settings;
  if (url !== undefined)
    start("alarms", () => {
      const form = alertForm === "auto" ? undefined : alertForm;
      return new Alarms({ url, form, status, memory: new AlarmMemory(directory) });
    });
  // systemd gives a list; the first is the unit's own.
  const [runtimeFolder] = environment.RUNTIME_DIRECTORY?.split(":") ?? [];
  start("status socket", () => openStatusSocket(directory, { status, miners: fold.miners }, runtimeFolder));
  const supervisor = supervisorOf(environment);
  if (supervisor) start("service manager", () => Notify.open({ supervisor, feed, signal, settings }));
  const routes = new Map<string, Route>([
    ["/", () => live.page()],
    ["/events", (request) => live.events(request)],
    ["/api/miner", (request) => live.miner(request)],
    ["/metrics", async () => plain(200, await metrics.text(), { "content-type": metrics.contentType })],
    ["/api/status", () => json(status())],
    ...healthRoutes(status),
  ]);
  const server =
    settings.metricsPort === 0
      ? undefined
      : start(
          "HTTP server",
          () => new TelemetryServer(settings.metricsPort, routes),
          "--metrics.port takes another port, or 0 for none",
        );
  if (server) log.info("The validator can be watched", { url: `http://127.0.0.1:${server.port}/` });
  return {
    port: server?.port,
    status,
    async close() {
      // The end of the run is news too.
      await reader?.drained();
      for (const { what, close } of closers.splice(0).reverse()) {
        try {
          await close();
        } catch (error) {
          log.warn("A part of telemetry did not close cleanly", { part: what, error });
        }
      }
    },
  };
}
