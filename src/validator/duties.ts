import { Failure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { asHotkey, type BlockNumber } from "../base/units.ts";
import { EVENT_VERSION } from "../events/schema.ts";
import { alignScores } from "../weights/scores.ts";
import type { Duty } from "./clock.ts";
import type { Neuron, SentWeights } from "./ports.ts";
import type { Session } from "./session.ts";

/** After a failure that may pass, the next attempt: about a minute on the public chain. */
const RETRY_BLOCKS = 5;

/** Reads the subnet again and carries the scores over to the hotkeys of now. */
export function metagraphDuty<N extends Neuron>(session: Session<N>): Duty {
  const { state, settings, modules } = session;
  return {
    name: "metagraph",
    isDue: (block) => block - state.subnet.block >= settings.checkpointBlocks,
    async run(block) {
      const subnet = await modules.chain.fetchSubnet();
      const hotkeys = state.subnet.neurons.map((neuron) => neuron.hotkey);
      const aligned = alignScores(
        { hotkeys, scores: state.scores },
        subnet.neurons.map((neuron) => neuron.hotkey),
      );
      state.subnet = subnet;
      state.scores = aligned.scores;
      if (aligned.replaced.length > 0) log.info("Hotkeys were replaced", { uids: aligned.replaced });
      modules.events.append({
        version: EVENT_VERSION,
        kind: "scores",
        time: new Date().toISOString(),
        ...session.identity,
        block,
        hotkeys: subnet.neurons.map((neuron) => neuron.hotkey),
        moving_averaged_scores: [...aligned.scores],
      });
    },
  };
}

/**
 * Sends weights once per epoch. Counted from the last weights on chain, so a restart neither repeats nor skips one;
 * without a saved state a whole epoch of steps comes first, for weights of a few steps would be noise.
 */
export function weightsDuty<N extends Neuron>(
  session: Session<N>,
  firstBlock: BlockNumber,
  hasHistory: boolean,
): Duty {
  const { state, settings, modules } = session;
  let lastSent = hasHistory ? state.subnet.ownLastUpdate : Math.max(firstBlock, state.subnet.ownLastUpdate);
  let notBefore = 0;
  const epochBlocks = (): number => settings.epochBlocks || state.subnet.tempo;
  return {
    name: "weights",
    isDue: (block) =>
      settings.setsWeights &&
      block >= notBefore &&
      block - lastSent >= Math.max(epochBlocks(), state.subnet.weightsRateLimit) &&
      state.scores.some((score) => score > 0),
    async run(block) {
      try {
        const sent = await modules.chain.sendWeights(state.scores);
        lastSent = sent.block;
        log.info("Weights were set", {
          path: sent.path,
          block: sent.block,
          miners: sent.uids.length,
          round: sent.revealRound,
        });
        record(session, block, sent, null);
      } catch (error) {
        record(session, block, null, messageOf(error));
        if (isFatal(error)) throw error;
        const wait = waitBlocks(error, epochBlocks());
        notBefore = block + wait;
        log.error("Weights were not set", { error, hint: hintOf(error), retryInBlocks: wait });
      }
    },
  };
}

function record<N extends Neuron>(
  session: Session<N>,
  block: BlockNumber,
  sent: SentWeights | null,
  error: string | null,
): void {
  session.modules.events.append({
    version: EVENT_VERSION,
    kind: "weights",
    time: new Date().toISOString(),
    ...session.identity,
    block: sent?.block ?? block,
    path: sent?.path ?? null,
    uids: sent?.uids ?? [],
    values: sent?.values ?? [],
    reveal_round: sent?.revealRound ?? null,
    extrinsic: sent?.extrinsicHash ?? null,
    error,
  });
}

/** A validator without a uid has nothing to do; the supervisor must not start it again and again. */
export function isFatal(error: unknown): boolean {
  return error instanceof Failure && error.code === "chain.not-registered";
}

function waitBlocks(error: unknown, epochBlocks: number): number {
  if (!(error instanceof Failure)) return RETRY_BLOCKS;
  const left = (error.data as { blocksLeft?: unknown } | undefined)?.blocksLeft;
  if (typeof left === "number") return Math.max(1, left);
  return error.retry === "soon" ? RETRY_BLOCKS : epochBlocks;
}

function hintOf(error: unknown): string | undefined {
  return error instanceof Failure ? error.hint : undefined;
}

/** Hotkeys of the subnet by uid, as the state file stores them. */
export function hotkeysOf<N extends Neuron>(session: Session<N>): string[] {
  return session.state.subnet.neurons.map((neuron) => asHotkey(neuron.hotkey));
}
