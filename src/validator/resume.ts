import { isDeepStrictEqual } from "node:util";
import { orAborted } from "../base/deadline.ts";
import { Failure, isFailure } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { BlockNumber } from "../base/units.ts";
import type { Identity } from "../base/vocabulary.ts";
import { seedScores } from "../weights/evidence.ts";
import { alignScores, type MovingScores } from "../weights/scores.ts";
import { Turns } from "./epoch-turns.ts";
import { describeMechanisms, requireMechanisms } from "./own-mechanisms.ts";
import type { Neuron, Subnet } from "./ports.ts";
import type { RunState, Session, ValidatorOptions } from "./session.ts";
import type { SavedState } from "./state/content.ts";
import { StateDatabase } from "./state/database.ts";
import { Recorder } from "./state/recorder.ts";
import { reportState } from "./state/report.ts";
import { Watch } from "./watch.ts";

/**
 * A session that goes on where the last one stopped, on the subnet of now.
 * @throws Failure `chain.not-registered`, `chain.no-permit`, `state.*`
 */
export async function resume<N extends Neuron>(
  options: Omit<ValidatorOptions<N>, "facts">,
): Promise<Session<N>> {
  const { modules, settings, identity, signal } = options;
  const subnet = await fetchOwnSubnet(options);
  const database = StateDatabase.open(options.stateDirectory, identity);
  try {
    const saved = database.load();
    const recorder = new Recorder(database, modules.feed);
    const watch = new Watch(modules.feed, () => modules.time.wallMs());
    // Before anything else is read, for the clock is compared with the time of a block.
    watch.noteSubnet(subnet);
    const head = modules.chain.head();
    const state = saved ? stateOf(saved, subnet, head) : freshState(subnet, head);
    const session: Session<N> = {
      settings,
      identity,
      modules,
      state,
      recorder,
      watch,
      random: Math.random,
      signal,
    };
    if (saved) {
      if (saved.judge) modules.judge.load(saved.judge);
      if (saved.router) modules.router.load(saved.router, saved.scores.neurons);
      log.info("Continuing from the saved state", { steps: saved.steps });
    } else if (settings.seedsScores) await seed(session);
    modules.router.align(subnet.neurons);
    log.info("Registered", {
      hotkey: identity.hotkey,
      netuid: identity.netuid,
      uid: subnet.ownUid,
      weights: describeMechanisms(subnet),
    });
    return session;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** How often a start that waits looks again: some blocks of the public chain. */
const WAIT_MS = 60_000;

/** The subnet in which this hotkey is registered and holds a permit; waited for where that is wanted. */
async function fetchOwnSubnet<N extends Neuron>({
  modules: { chain, time },
  settings,
  identity,
  stateDirectory,
  signal,
}: Omit<ValidatorOptions<N>, "facts">): Promise<Subnet<N>> {
  let known: MovingScores["neurons"] | undefined;
  for (let told = ""; ; ) {
    try {
      const subnet = await orAborted(chain.fetchSubnet(known), signal);
      requireMechanisms(subnet, settings.netuid);
      requirePermit(settings.setsWeights, subnet, identity.hotkey);
      return subnet;
    } catch (error) {
      if (known === undefined && isFailure(error, "chain.not-registered")) {
        known = lastSeen(stateDirectory, identity);
        // Then the reason has a name: a swap, a trim, or somebody else in its place.
        if (known.length > 0) continue;
      }
      const isAwaited = isFailure(error, "chain.not-registered") || isFailure(error, "chain.no-permit");
      if (!settings.waitsForRegistration || !isAwaited) throw error;
      if (told !== error.code) log.warn("The start waits (--wait-registration)", { error, hint: error.hint });
      told = error.code;
      await time.sleep(WAIT_MS, signal);
    }
  }
}

/** The neurons that the last run of this validator knew, by uid; none where its state tells of none. */
function lastSeen(directory: string, identity: Identity): MovingScores["neurons"] {
  try {
    const { identity: bound, saved } = reportState(directory);
    return isDeepStrictEqual({ ...bound }, { ...identity }) ? (saved?.scores.neurons ?? []) : [];
  } catch (error) {
    if (!isFailure(error)) throw error;
    // A state that cannot be read is told by the start that needs it.
    log.debug("The state does not tell who was registered", { error });
    return [];
  }
}

/** Miners refuse who holds no permit, and the chain takes no weights of it: a run would be for nothing. */
function requirePermit(setsWeights: boolean, subnet: Subnet, hotkey: string): void {
  if (subnet.neurons[subnet.ownUid]?.hasValidatorPermit || !setsWeights) return;
  throw new Failure("chain.no-permit", {
    message: `The hotkey ${hotkey} (uid ${subnet.ownUid}) holds no validator permit on this subnet`,
    hint: "stake more to it and wait for the next epoch, or run with --neuron.disable_set_weights",
  });
}

function stateOf<N extends Neuron>(
  saved: SavedState,
  subnet: Subnet<N>,
  countedAt: BlockNumber,
): RunState<N> {
  const { scores, asked, replaced, moved } = alignScores(saved.scores, subnet.neurons);
  if (replaced.length + moved.length > 0)
    log.info("Uids changed hands while this validator was away", { replaced, moved: moved.length });
  return {
    subnet,
    lapsed: [],
    scores,
    asked,
    steps: saved.steps,
    evidence: saved.evidence,
    turns: new Turns(countedAt),
    weightsSet: new Map(),
    reveals: new Map(),
    countedAt,
  };
}

function freshState<N extends Neuron>(subnet: Subnet<N>, countedAt: BlockNumber): RunState<N> {
  const { length } = subnet.neurons;
  return {
    subnet,
    lapsed: [],
    scores: new Float32Array(length),
    asked: new Uint32Array(length),
    steps: 0,
    evidence: { countedSteps: 0, blocks: 0 },
    turns: new Turns(countedAt),
    weightsSet: new Map(),
    reveals: new Map(),
    countedAt,
  };
}

/** Without a state the own weights on chain are the best that is known of the miners. */
async function seed<N extends Neuron>({ state, modules, settings, signal }: Session<N>): Promise<void> {
  const [mecid = 0] = settings.mecids;
  const weights = await orAborted(modules.chain.readEarnedWeights(mecid), signal);
  state.scores = seedScores(weights, state.subnet.neurons.length);
  const miners = state.scores.filter((score) => score > 0).length;
  if (miners > 0)
    log.info("No saved state: scores begin with this validator's own weights on chain", {
      miners,
      hint: "--neuron.seed_scores_off begins with zeros",
    });
  else if (settings.setsWeights) log.info("No saved state: the first weights wait for one epoch of steps");
}
