import { log } from "../base/log.ts";
import { type AlignedScores, alignScores } from "../weights/scores.ts";
import type { Duty } from "./clock.ts";
import { describeMechanisms } from "./own-mechanisms.ts";
import type { Neuron, Subnet } from "./ports.ts";
import type { Session } from "./session.ts";
import { whoseUpdate } from "./whose-update.ts";

/** After a reading that failed, the next one. */
const RETRY_BLOCKS = 3;

/** Blocks in which a registration may be taken back, and the uid given back; until the next reading in any case. */
const LAPSED_BLOCKS = 10;

/** Reads the subnet again and carries scores and routing over to the hotkeys of now. */
export function metagraphDuty<N extends Neuron>(session: Session<N>): Duty {
  const { state, settings, modules } = session;
  let notBefore = 0;
  const known = new Map<number, number>();
  return {
    name: "metagraph",
    isDue: (block) => block >= notBefore && block - state.subnet.block >= settings.checkpointBlocks,
    async run(block) {
      // Whatever comes of it, not at the very next head: a chain that answers nothing should not be asked for ever.
      notBefore = block + RETRY_BLOCKS;
      const subnet = await modules.chain.fetchSubnet();
      if (session.signal.aborted) return;
      // An endpoint that lags shows a subnet of before, which must not undo what is known.
      if (subnet.block < state.subnet.block) return;
      adoptSubnet(session, subnet);
      tellScores(session);
      await noticeForeignHand(session, known);
    },
  };
}

/**
 * Somebody else who sets weights with this hotkey undoes what this validator does, and costs it trust.
 * @param known by mechanism, the last update for which the weights on chain were read
 */
async function noticeForeignHand<N extends Neuron>(
  { state, recorder, watch, modules, signal }: Session<N>,
  known: Map<number, number>,
): Promise<void> {
  const { mechanisms, ownUid, neurons } = state.subnet;
  const registeredAt = neurons[ownUid]?.registeredAt ?? 0;
  for (const { mecid, ownLastUpdate } of mechanisms) {
    const ours = () => recorder.submissions.filter((one) => one.mecid === mecid);
    if (known.get(mecid) === ownLastUpdate) continue;
    if (whoseUpdate(ownLastUpdate, registeredAt, ours()) !== "foreign") continue;
    const row = await modules.chain.readOwnWeights(mecid);
    if (signal.aborted) return;
    const now = ours();
    // Weights that were sent meanwhile may be what was read: the next reading of the subnet has their block.
    if (now.some(({ block, state }) => state !== "refused" && block >= ownLastUpdate)) continue;
    known.set(mecid, ownLastUpdate);
    if (whoseUpdate(ownLastUpdate, registeredAt, now, row) === "foreign")
      watch.noteForeignUpdate(ownLastUpdate);
  }
}

/** The subnet of now takes the place of the one before; scores, counts and router rows follow their registrations. */
export function adoptSubnet<N extends Neuron>(session: Session<N>, subnet: Subnet<N>): void {
  const { state, modules, watch } = session;
  const before = state.subnet.neurons;
  const mechanisms = describeMechanisms(subnet);
  // The subnet's owner can change their number and their shares at any time.
  if (mechanisms !== describeMechanisms(state.subnet))
    log.info("The mechanisms of the subnet changed", { weights: mechanisms ?? "the only mechanism" });
  const held = { neurons: before, scores: state.scores, asked: state.asked };
  const aligned = alignScores(held, subnet.neurons, state.lapsed);
  state.lapsed = [
    ...aligned.lost.map((uid) => ({
      neuron: before[uid]!,
      score: state.scores[uid] ?? 0,
      asked: state.asked[uid] ?? 0,
      at: subnet.block,
    })),
    ...state.lapsed.filter(({ at }) => subnet.block - at < LAPSED_BLOCKS),
  ];
  state.subnet = subnet;
  state.scores = aligned.scores;
  state.asked = aligned.asked;
  state.turns.align(subnet.neurons);
  modules.router.align(subnet.neurons);
  watch.noteSubnet(subnet);
  tellMetagraph(session, before.length, aligned);
}

function tellMetagraph<N extends Neuron>(
  { state, modules }: Session<N>,
  sizeBefore: number,
  { replaced, moved, added }: AlignedScores,
): void {
  const { neurons } = state.subnet;
  const removed = Array.from(
    { length: Math.max(0, sizeBefore - neurons.length) },
    (_, index) => neurons.length + index,
  );
  if (replaced.length + moved.length + added.length + removed.length === 0) return;
  log.info("The subnet's uids changed", { replaced, moved: moved.length, added, removed });
  modules.feed.emit({
    kind: "metagraph",
    neurons: neurons.length,
    replaced,
    moved,
    added,
    removed,
    serving: neurons.filter(({ isServing }) => isServing).length,
  });
}

/** Tells the moving scores and the hotkeys that they belong to. */
export function tellScores<N extends Neuron>({ state, modules }: Session<N>): void {
  modules.feed.emit({
    kind: "scores",
    hotkeys: state.subnet.neurons.map(({ hotkey }) => hotkey),
    moving_averaged_scores: [...state.scores],
    asked: [...state.asked],
  });
}
