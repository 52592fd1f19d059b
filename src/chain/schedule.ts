/**
 * When the chain runs a subnet's epochs, and with them reveals timelocked commits. Pure; the rules are those of
 * subtensor's run_coinbase.rs:1085-1100 and subnets/weights.rs:1275 (spec 420 and later).
 */
import { chainFailure } from "./errors.ts";

/** MAX_TEMPO of the runtime: after so many blocks without an epoch one runs in any case. */
const LONGEST_WAIT_BLOCKS = 50_400;
/** The round must not be out before the chain has taken the commits of its block (SDK v11, epoch_schedule.rs). */
const ROUND_MARGIN_BLOCKS = 3;

/** State of a subnet's schedule after block `head`; all of it read at that block. */
export interface EpochState {
  head: number;
  lastEpochBlock: number;
  /** 0 = none. */
  pendingEpochAt: number;
  subnetEpochIndex: number;
  blocksSinceLastStep: number;
  tempo: number;
}

export interface BeaconClock {
  genesisSeconds: number;
  periodSeconds: number;
}

type Walk = Omit<EpochState, "head" | "tempo">;

/**
 * Block in which a commit is revealed that goes into the block after `state.head`.
 * @throws Failure `chain.no-epoch` for a subnet whose tempo is 0
 */
export function revealBlock(state: EpochState, periodEpochs: number): number {
  return blockOfEpoch(state, epochIn(state, state, state.head + 1) + periodEpochs, periodEpochs);
}

/** Block in which a commit is revealed that is already in block `state.head`. */
export function revealBlockOfIncluded(state: EpochState, periodEpochs: number): number {
  return blockOfEpoch(state, state.subnetEpochIndex + periodEpochs, periodEpochs);
}

/** The first block after `state.head` in which an epoch runs; undefined for a subnet without a tempo. */
export function nextEpochBlock(state: EpochState): number | undefined {
  const { head, tempo, lastEpochBlock, pendingEpochAt, blocksSinceLastStep } = state;
  if (tempo === 0) return undefined;
  const causes = [lastEpochBlock + tempo, head + LONGEST_WAIT_BLOCKS + 1 - blocksSinceLastStep];
  if (pendingEpochAt > 0) causes.push(pendingEpochAt);
  return Math.max(head + 1, Math.min(...causes));
}

/** As `nextEpochBlock`, by the grid of before spec 420. */
export function legacyNextEpochBlock(head: number, netuid: number, tempo: number): number | undefined {
  if (tempo === 0) return undefined;
  const next = head + 1;
  return next + tempo - ((next + netuid + 1) % (tempo + 1));
}

/** Epoch schedule before spec 420: a fixed grid by netuid. */
export function legacyRevealBlock(head: number, netuid: number, tempo: number, periodEpochs: number): number {
  if (tempo === 0) throw noEpoch();
  const epoch = Math.floor((head + netuid + 1) / (tempo + 1));
  return (epoch + periodEpochs) * (tempo + 1) - (netuid + 1);
}

/** Beacon round that comes out just after `block`, seen from `head` at `nowSeconds`. */
export function roundAfterBlock(
  block: number,
  now: { head: number; nowSeconds: number; blockTimeSeconds: number },
  clock: BeaconClock,
): number {
  const at = now.nowSeconds + (block + ROUND_MARGIN_BLOCKS - now.head) * now.blockTimeSeconds;
  return Math.max(1, Math.floor((at - clock.genesisSeconds) / clock.periodSeconds));
}

/** Rounds that the beacon has published at `nowSeconds`. */
export function roundAt(nowSeconds: number, clock: BeaconClock): number {
  return Math.max(0, Math.floor((nowSeconds - clock.genesisSeconds) / clock.periodSeconds));
}

function blockOfEpoch(state: EpochState, target: number, periodEpochs: number): number {
  if (state.tempo === 0) throw noEpoch();
  let walk: Walk = state;
  const end = state.head + LONGEST_WAIT_BLOCKS * (periodEpochs + 1);
  for (let block = state.head + 1; block <= end; block++) {
    if (epochIn(walk, state, block) === target) return block;
    walk = step(walk, state, block);
  }
  throw noEpoch();
}

function isDue(walk: Walk, { tempo }: { tempo: number }, block: number): boolean {
  if (tempo === 0) return false;
  const isPending = walk.pendingEpochAt > 0 && block >= walk.pendingEpochAt;
  return isPending || walk.blocksSinceLastStep > LONGEST_WAIT_BLOCKS || block - walk.lastEpochBlock >= tempo;
}

/** Epoch to which `block` belongs. */
function epochIn(walk: Walk, subnet: { tempo: number }, block: number): number {
  return walk.subnetEpochIndex + (isDue(walk, subnet, block) ? 1 : 0);
}

function step(walk: Walk, subnet: { tempo: number }, block: number): Walk {
  if (!isDue(walk, subnet, block)) return { ...walk, blocksSinceLastStep: walk.blocksSinceLastStep + 1 };
  return {
    lastEpochBlock: block,
    pendingEpochAt: 0,
    subnetEpochIndex: walk.subnetEpochIndex + 1,
    blocksSinceLastStep: 0,
  };
}

function noEpoch(): Error {
  return chainFailure("chain.no-epoch", {
    message: "this subnet runs no epochs, so timelocked weights would never be revealed",
    hint: "Its tempo is 0; ask the subnet's owner.",
  });
}
