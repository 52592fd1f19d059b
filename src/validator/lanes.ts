import { Failure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { backOffMs } from "../base/retry.ts";
import type { ForwardBody } from "../events/schema.ts";
import { forward } from "./flow.ts";
import type { Neuron } from "./ports.ts";
import type { Session } from "./session.ts";

/** A failed or skipped forward is tried again after 1 s, 2 s, … 60 s. */
const FORWARD_BACK_OFF = { firstMs: 1_000, maxMs: 60_000 };
/** So many unexpected errors in a row are a fault of the program, which a supervisor should see. */
const MAX_UNEXPECTED_IN_A_ROW = 5;

/** What an event tells of a pass beside its id and its time. */
type PassFacts = Omit<ForwardBody, "kind" | "forward" | "seconds">;

/**
 * One lane of forward passes; lanes share the wanted number evenly, and go on until weights were set as often as is wanted. A pass that failed or gave no evidence is tried
 * again after a pause that doubles.
 * @throws what no retry can mend
 */
export async function runLane<N extends Neuron>(session: Session<N>, lane: number): Promise<void> {
  const { settings, signal, modules, state } = session;
  const { forwards, weights, concurrentForwards } = settings;
  const share = Math.floor((forwards + concurrentForwards - 1 - lane) / concurrentForwards);
  const lacksWeights = (): boolean =>
    settings.mecids.some((mecid) => (state.weightsSet.get(mecid) ?? 0) < weights);
  const wantsMore = (): boolean => (forwards === 0 && weights === 0) || done < share || lacksWeights();
  let done = 0;
  let unexpected = 0;
  let tries = 0;
  while (wantsMore() && !signal.aborted) {
    const id = crypto.randomUUID();
    const startedMs = modules.time.nowMs();
    const tell = (end: PassFacts): unknown =>
      modules.feed.emit({
        kind: "forward",
        forward: id,
        seconds: (modules.time.nowMs() - startedMs) / 1000,
        ...end,
      });
    try {
      const end = await forward(session, id);
      if (signal.aborted) return;
      const { outage, ...facts } = end;
      session.watch.forwards.set(end.outcome === "ended" ? "running" : (end.reason ?? "running"), undefined);
      tell({ ...facts, cause: outage?.text ?? null });
      unexpected = 0;
      if (end.outcome === "ended") done++;
      // Without a single step a pass costs nothing, so the next one waits: for the subnet, the network, the permit.
      tries = end.outcome === "ended" && end.steps > 0 ? 0 : tries + 1;
      if (tries > 0 && wantsMore()) await modules.time.sleep(backOffMs(FORWARD_BACK_OFF, tries - 1), signal);
    } catch (error) {
      if (signal.aborted) return;
      const isExpected = error instanceof Failure;
      unexpected = isExpected ? 0 : unexpected + 1;
      if ((isExpected && error.retry === "no") || unexpected >= MAX_UNEXPECTED_IN_A_ROW) throw error;
      const waitMs = backOffMs(FORWARD_BACK_OFF, tries++);
      log.error("A forward pass failed and will be tried again", {
        error,
        waitSeconds: Math.round(waitMs / 1000),
      });
      tell({ outcome: "failed", reason: "error", cause: messageOf(error), steps: 0, asked: 0, reached: 0 });
      await modules.time.sleep(waitMs, signal);
    }
  }
}
