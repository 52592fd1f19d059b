import { withDeadline } from "../base/deadline.ts";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { Clock } from "./clock.ts";
import { commitOf } from "./commit.ts";
import { diskDuty } from "./disk-duty.ts";
import { endpointDuty } from "./endpoint-duty.ts";
import { finalityDuty } from "./finality-duty.ts";
import { runLane } from "./lanes.ts";
import { LayerDuty } from "./layer-duty.ts";
import { metagraphDuty, tellScores } from "./metagraph-duty.ts";
import type { Neuron } from "./ports.ts";
import { resume } from "./resume.ts";
import { followReveal } from "./reveals.ts";
import { tellRun } from "./run-facts.ts";
import type { Session, ValidatorOptions } from "./session.ts";
import { STOP_STAGE_MS } from "./stop-times.ts";
import { tellCoverage } from "./subnet-coverage.ts";
import { settleEarlierWeights } from "./unsettled.ts";
import { isFatal, WeightsDuty } from "./weights-duty.ts";

/**
 * Runs forward passes until the signal, the wanted number of passes, or an error that no retry can mend. A run that waits for its
 * registration waits as well when it is lost on the way, and begins anew with what it knows of the miners.
 * @throws Failure for the last of these.
 */
export async function runValidator<N extends Neuron>(options: ValidatorOptions<N>): Promise<void> {
  while (true) {
    try {
      return await runOnce(options);
    } catch (error) {
      if (!isFatal(error) || !options.settings.waitsForRegistration || options.signal.aborted) throw error;
      log.warn("The run pauses until this hotkey is registered again (--wait-registration)", { error });
    }
  }
}

async function runOnce<N extends Neuron>(options: ValidatorOptions<N>): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const { stopStageMs = STOP_STAGE_MS } = options;
  const session = await resume({ ...options, signal });
  let fatal: { error: unknown } | undefined;
  const end = (error: unknown): void => {
    fatal ??= { error };
    stop.abort();
  };
  const unregistered = (error: unknown): void => {
    session.watch.noteUnregistered(messageOf(error));
    end(error);
  };
  try {
    tellRun(session, options.facts);
    tellCoverage(session);
    for (const commit of session.recorder.pendingReveals()) followReveal(session, commit);
    // Where the chain cannot be asked now, the duty of weights asks again before it sends any.
    for (const mecid of new Set(session.recorder.unsettled().map((one) => one.mecid)))
      await settleEarlierWeights(session, mecid).catch((error: unknown) =>
        log.warn("It cannot be told yet what became of earlier weights", { error }),
      );
    const layer = new LayerDuty(session);
    const weights = session.settings.mecids.map((mecid) => new WeightsDuty(session, mecid));
    const clock = new Clock(
      options.modules.chain,
      [
        metagraphDuty(session),
        ...weights,
        diskDuty(session),
        finalityDuty(session),
        layer,
        endpointDuty(session, weights),
        ...(options.duties ?? []),
      ],
      (duty, error) => {
        if (isFatal(error)) unregistered(error);
        else if (!signal.aborted) log.error("A duty failed and will be tried again", { duty, error });
      },
    );
    await runLanes(session, end, stopStageMs);
    stop.abort();
    await atRest("duties", clock.stop(stopStageMs));
    tellScores(session);
    await atRest("gating layer", withDeadline("Writing the gating layer", stopStageMs, layer.tell()));
  } finally {
    options.onEnd?.(session.state.steps);
    session.recorder.close(commitOf(session, true));
  }
  if (fatal !== undefined) throw fatal.error;
}

/** All lanes, until each has done its share; after a stop they have one stage of it to come to rest. */
async function runLanes<N extends Neuron>(
  session: Session<N>,
  end: (error: unknown) => void,
  stopStageMs: number,
): Promise<void> {
  const lanes = Promise.all(
    Array.from({ length: session.settings.concurrentForwards }, (_, lane) =>
      runLane(session, lane).catch(end),
    ),
  );
  const stopped = new Promise<void>((resolve) => {
    if (session.signal.aborted) resolve();
    else session.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([lanes, stopped]);
  await atRest("forward passes", withDeadline("Finishing the forward passes", stopStageMs, lanes));
}

/** What does not come to rest in time is left behind: the state is saved and the process ends in any case. */
async function atRest(what: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    log.warn("Not everything came to rest before the end", { what, error });
  }
}
