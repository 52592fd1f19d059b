import { orAborted } from "../base/deadline.ts";
import type { Service } from "./apply.ts";
import { stopped, updateFailure } from "./failure.ts";

/**
 * What parent and updater say to each other. The two may be of different releases, so nothing of this changes its meaning,
 * and what is not known is passed over.
 */
export type FromUpdater = { kind: "restart" };
export type ToUpdater =
  | { kind: "restarted" }
  | { kind: "failed"; why: string }
  /** The validator ended, and the parent starts it again only when it is asked to. */
  | { kind: "ended"; how: string };

/** The end of the channel in a process that a supervising parent has started. */
export interface Channel {
  send(message: FromUpdater): void;
  onMessage(listener: (message: ToUpdater) => void): void;
  /** The parent is gone, however it ended. */
  onClose(listener: () => void): void;
}

/** @returns undefined in a process that has no such parent */
export function channelToParent(): Channel | undefined {
  const send = process.send?.bind(process);
  if (send === undefined) return undefined;
  return {
    send: (message) => void send(message),
    onMessage: (listener) => void process.on("message", listener),
    onClose: (listener) => void process.on("disconnect", listener),
  };
}

/** The validator as a supervising parent runs it. @param stop aborted when the parent is gone */
export function serviceOfParent(
  channel: Channel,
  health: Service["health"],
  signal: AbortSignal,
): { service: Service; signal: AbortSignal } {
  const gone = new AbortController();
  let end: string | undefined;
  let waiting: ((answer: ToUpdater) => void) | undefined;
  channel.onMessage((message) => {
    if (message.kind === "ended") end = message.how;
    if (message.kind === "restarted" || message.kind === "failed") waiting?.(message);
  });
  channel.onClose(() => gone.abort(stopped()));
  const either = AbortSignal.any([signal, gone.signal]);
  return {
    signal: either,
    service: {
      async restart() {
        const answer = new Promise<ToUpdater>((resolve) => {
          waiting = resolve;
        });
        end = undefined;
        channel.send({ kind: "restart" });
        const said = await orAborted(answer, either);
        if (said.kind === "failed")
          throw updateFailure("update.local", { message: `the validator could not be started: ${said.why}` });
      },
      health,
      ended: () => end,
    },
  };
}
