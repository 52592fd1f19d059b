import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { type NotifySocket, openNotifySocket } from "../telemetry/notify-socket.ts";

/** What is asked for each time: longer than a download may stand still before it is given up. */
const MORE_MICROS = 600_000_000;
/** Often enough for that, and seldom enough for the manager's log. */
const EVERY_MS = 30_000;

export interface StartPatience {
  /** Something grows: the service manager should wait on. */
  more(status: string): void;
  close(): void;
}

/**
 * Asks the service manager to wait while a first start brings models, which may take longer than a unit's start may (sd_notify(3),
 * EXTEND_TIMEOUT_USEC). Without a manager, nothing is told.
 */
export function openStartPatience(
  environment: Readonly<Record<string, string | undefined>>,
  open: (name: string) => NotifySocket = openNotifySocket,
  nowMs: () => number = () => performance.now(),
): StartPatience {
  const name = environment.NOTIFY_SOCKET;
  let socket: NotifySocket | undefined;
  try {
    socket = name ? open(name) : undefined;
  } catch (error) {
    log.warn("The service manager cannot be asked to wait for models", { reason: messageOf(error) });
  }
  let toldMs = Number.NEGATIVE_INFINITY;
  return {
    more(status) {
      if (nowMs() - toldMs < EVERY_MS) return;
      // One that did not go is made up for by the next byte of a model.
      if (socket?.send(`EXTEND_TIMEOUT_USEC=${MORE_MICROS}\nSTATUS=${status}`)) toldMs = nowMs();
    },
    close() {
      socket?.close();
    },
  };
}
