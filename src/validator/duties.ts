import { Failure, isFailure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { BlockNumber, Hotkey } from "../base/units.ts";
import { EVENT_VERSION_1 as EVENT_VERSION } from "../events/version-1.ts";
import { alignScores, type MovingScores, type Registration } from "../weights/scores.ts";
import type { Duty } from "./clock.ts";
import type { Neuron, SentWeights, Subnet } from "./ports.ts";
import type { Session } from "./session.ts";

/** After a failure that may pass, the next attempt: about a minute on the public chain. */
const RETRY_BLOCKS = 5;

/** Reads the subnet again and carries the scores over to the hotkeys of now. */
export function metagraphDuty<N extends Neuron>(session: Session<N>): Duty {
  const { state, settings, modules } = session;
  return {
    name: "metagraph",
    isDue: (block) => block - state.subnet.block >= settings.checkpointBlocks,
    async run() {
      const subnet = await modules.chain.fetchSubnet();
      const aligned = alignScores(scoresOf(session), registrationsOf(subnet));
      state.subnet = subnet;
      state.scores = aligned.scores;
      state.asked = aligned.asked;
      modules.router.align(hotkeysOf(session));
      if (aligned.replaced.length > 0) log.info("Hotkeys were replaced", { uids: aligned.replaced });
      recordScores(session);
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
        const scores = new Map(hotkeysOf(session).map((hotkey, uid) => [hotkey, state.scores[uid]!]));
        const sent = await modules.chain.sendWeights({
          scoresFor: (holders) => Float32Array.from(holders, (hotkey) => scores.get(hotkey) ?? 0),
          before() {},
          signal: session.signal,
        });
        lastSent = sent.block;
        log.info("Weights were set", {
          path: sent.path,
          block: sent.block,
          miners: sent.uids.length,
          round: sent.revealRound,
        });
        record(session, block, sent, null);
        followReveal(session, sent);
      } catch (error) {
        const wait = waitBlocks(error, epochBlocks());
        notBefore = block + wait;
        if (isFailure(error, "chain.rate-limited")) {
          log.info("Weights wait for the chain's rate limit", { blocks: wait });
          return;
        }
        record(session, block, null, messageOf(error));
        if (isFatal(error)) throw error;
        log.error("Weights were not set", { error, hint: hintOf(error), retryInBlocks: wait });
      }
    },
  };
}

/** The fields that all events of this validator share. */
function stamp<N extends Neuron>({ identity }: Session<N>) {
  return { version: EVENT_VERSION, time: new Date().toISOString(), ...identity } as const;
}

function record<N extends Neuron>(
  session: Session<N>,
  block: BlockNumber,
  sent: SentWeights | null,
  error: string | null,
): void {
  session.modules.events.append({
    ...stamp(session),
    kind: "weights",
    block: sent?.block ?? block,
    path: sent?.path ?? null,
    uids: sent?.uids ?? [],
    values: sent?.values ?? [],
    reveal_round: sent?.revealRound ?? null,
    extrinsic: sent?.extrinsicHash ?? null,
    error,
  });
}

/** Follows a commit to its reveal, which comes epochs later; the run may end before. */
function followReveal<N extends Neuron>(session: Session<N>, sent: SentWeights): void {
  const { events, chain } = session.modules;
  const append = (block: BlockNumber, error: string | null): void => {
    if (session.signal.aborted) return;
    events.append({ ...stamp(session), kind: "reveal", block, committed: sent.block, error });
  };
  if (sent.pending === undefined) return;
  chain.followReveal(sent.pending, session.signal).then(
    (block) => {
      log.info("The committed weights were revealed", { block, committed: sent.block });
      append(block, null);
    },
    (error: unknown) => {
      if (!session.signal.aborted)
        log.error("The committed weights were not revealed", { error, committed: sent.block });
      append(chain.head(), messageOf(error));
    },
  );
}

/** Writes the moving scores and the hotkeys they belong to into the journal. */
export function recordScores<N extends Neuron>(session: Session<N>): void {
  const { state, modules } = session;
  modules.events.append({
    ...stamp(session),
    kind: "scores",
    block: modules.chain.head(),
    hotkeys: state.subnet.neurons.map((neuron) => neuron.hotkey),
    moving_averaged_scores: [...state.scores],
  });
}

/** A validator without a uid has nothing to do; the supervisor must not start it again and again. */
export function isFatal(error: unknown): boolean {
  return isFailure(error, "chain.not-registered");
}

function waitBlocks(error: unknown, epochBlocks: number): number {
  if (!(error instanceof Failure)) return RETRY_BLOCKS;
  if (error.retryInBlocks !== undefined) return Math.max(1, error.retryInBlocks);
  return error.retry === "soon" ? RETRY_BLOCKS : epochBlocks;
}

function hintOf(error: unknown): string | undefined {
  return error instanceof Failure ? error.hint : undefined;
}

/** Who holds which uid. */
export function registrationsOf(subnet: Subnet): Registration[] {
  return subnet.neurons.map(({ hotkey, registeredAt }) => ({ hotkey, registeredAt }));
}

/** The moving scores with whose they are, as the state keeps them. */
export function scoresOf<N extends Neuron>({ state }: Session<N>): MovingScores {
  return { neurons: registrationsOf(state.subnet), scores: state.scores, asked: state.asked };
}

/** Hotkeys of the subnet by uid. */
export function hotkeysOf<N extends Neuron>(session: Session<N>): Hotkey[] {
  return session.state.subnet.neurons.map((neuron) => neuron.hotkey);
}
