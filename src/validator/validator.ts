import { sleep } from "../base/deadline.ts";
import { Failure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { backOffMs } from "../base/retry.ts";
import type { Identity } from "../base/vocabulary.ts";
import type { StepEventV1 as StepEvent } from "../events/version-1.ts";
import { alignScores } from "../weights/scores.ts";
import { Clock } from "./clock.ts";
import {
  hotkeysOf,
  isFatal,
  metagraphDuty,
  recordScores,
  registrationsOf,
  scoresOf,
  weightsDuty,
} from "./duties.ts";
import { forward } from "./flow.ts";
import { memoryOf, wholeChanges } from "./memory.ts";
import type { Neuron } from "./ports.ts";
import type { Modules, Session, ValidatorSettings } from "./session.ts";
import { StateDatabase } from "./state/database.ts";

export interface ValidatorOptions<N extends Neuron> {
  settings: ValidatorSettings;
  identity: Identity;
  modules: Modules<N>;
  stateDirectory: string;
  /** Ends the run after the current step. */
  signal: AbortSignal;
}

/** A failed forward is tried again after 1 s, 2 s, … 60 s. */
const FORWARD_BACK_OFF = { firstMs: 1_000, maxMs: 60_000 };
/** So many unexpected errors in a row are a fault of the program, which a supervisor should see. */
const MAX_UNEXPECTED_IN_A_ROW = 5;
/** systemd is told to wait 90 s; a stop takes at most this. */
const STOP_TIMEOUT_MS = 20_000;

/**
 * Runs forward passes until the signal, the wanted number of passes, or an error that no retry can mend.
 * @throws Failure for the last of these.
 */
export async function runValidator<N extends Neuron>(options: ValidatorOptions<N>): Promise<void> {
  const database = StateDatabase.open(options.stateDirectory, options.identity);
  try {
    await runWithState(options, database);
  } finally {
    database.close();
  }
}

async function runWithState<N extends Neuron>(
  options: ValidatorOptions<N>,
  database: StateDatabase,
): Promise<void> {
  const { modules, settings, identity } = options;
  const stop = new AbortController();
  const onOuterStop = (): void => stop.abort();
  if (options.signal.aborted) stop.abort();
  options.signal.addEventListener("abort", onOuterStop, { once: true });

  const subnet = await modules.chain.fetchSubnet();
  const saved = database.load();
  const session: Session<N> = {
    settings,
    identity,
    modules,
    state: {
      subnet,
      scores: new Float32Array(subnet.neurons.length),
      asked: new Uint32Array(subnet.neurons.length),
      steps: saved?.steps ?? 0,
    },
    random: Math.random,
    signal: stop.signal,
    onStep(event) {
      session.state.steps++;
      save();
      reportStep(event, session.state.steps);
    },
  };
  const save = (): void => {
    try {
      database.commit({
        steps: session.state.steps,
        scores: scoresOf(session),
        judge: wholeChanges(modules.judge.save()),
        router: wholeChanges(modules.router.save()),
      });
    } catch (error) {
      // Kept by the database and written with the next step.
      log.error("The state was not saved", { error });
    }
  };
  if (saved) {
    const aligned = alignScores(saved.scores, registrationsOf(subnet));
    session.state.scores = aligned.scores;
    session.state.asked = aligned.asked;
    if (saved.judge) modules.judge.load(memoryOf(saved.judge));
    const hotkeys = saved.scores.neurons.map(({ hotkey }) => hotkey);
    if (saved.router) modules.router.load(memoryOf(saved.router), hotkeys);
    log.info("Continuing from the saved state", {
      steps: saved.steps,
      replacedUids: aligned.replaced.length,
    });
  } else if (subnet.neurons[subnet.ownUid]?.hasValidatorPermit && subnet.ownLastUpdate > 0) {
    log.info("No saved state: the first weights wait for one epoch of steps", {
      lastUpdate: subnet.ownLastUpdate,
    });
  }

  modules.router.align(hotkeysOf(session));

  let fatal: unknown;
  const clock = new Clock(
    modules.chain,
    [metagraphDuty(session), weightsDuty(session, modules.chain.head(), saved !== undefined)],
    (duty, error) => {
      if (isFatal(error)) {
        fatal ??= error;
        stop.abort();
      } else log.error("A duty failed and will be tried again", { duty, error });
    },
  );
  const lanes = Array.from({ length: settings.concurrentForwards }, async (_, lane) => {
    try {
      await runForwards(session, lane);
    } catch (error) {
      fatal ??= error;
      stop.abort();
    }
  });
  // Every lane and duty comes to rest before the state is saved and the caller closes what they write to.
  await Promise.all(lanes);
  stop.abort();
  options.signal.removeEventListener("abort", onOuterStop);
  try {
    await clock.stop(STOP_TIMEOUT_MS);
  } finally {
    recordScores(session);
    save();
  }
  if (fatal !== undefined) throw fatal;
}

/** One lane of forward passes; lanes share the wanted number evenly. */
async function runForwards<N extends Neuron>(session: Session<N>, lane: number): Promise<void> {
  const { settings, signal } = session;
  const share = (settings.forwards + settings.concurrentForwards - 1 - lane) / settings.concurrentForwards;
  const wanted = settings.forwards === 0 ? Number.POSITIVE_INFINITY : Math.floor(share);
  let failures = 0;
  for (let done = 0; done < wanted && !signal.aborted; ) {
    const stepsBefore = session.state.steps;
    try {
      await forward(session);
      failures = 0;
      done++;
      // Nobody could be asked: wait for the subnet to change rather than spin.
      if (session.state.steps === stepsBefore) await sleep(FORWARD_BACK_OFF.firstMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      const unexpected = !(error instanceof Failure);
      if ((!unexpected && error.retry === "no") || (unexpected && failures >= MAX_UNEXPECTED_IN_A_ROW))
        throw error;
      const waitMs = backOffMs(FORWARD_BACK_OFF, failures - 1);
      log.error("A forward pass failed and will be tried again", {
        error,
        waitSeconds: Math.round(waitMs / 1000),
      });
      await sleep(waitMs, signal);
    }
  }
}

function reportStep(event: StepEvent, steps: number): void {
  const answered = event.completion_status_codes.filter((code) => code === 200).length;
  const mean = event.rewards.reduce((sum, reward) => sum + reward, 0) / Math.max(1, event.rewards.length);
  log.info("Step", {
    step: steps,
    name: event.name,
    block: event.block,
    asked: event.uids.length,
    answered,
    meanReward: Number(mean.toFixed(4)),
    seconds: Number(event.step_length.toFixed(2)),
  });
}
