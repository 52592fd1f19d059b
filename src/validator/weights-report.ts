import { isFailure } from "../base/error.ts";
import { asHotkey, asNetuid, type BlockNumber, type Uid } from "../base/units.ts";
import type { ChainConnection } from "../chain/connection.ts";
import { alignScores } from "../weights/scores.ts";
import type { WeightPolicy } from "../weights/shape.ts";
import { claimsOf } from "./claims.ts";
import type { ProposedWeights } from "./ports.ts";
import type { StoredReveal, SubmissionRecord } from "./state/content.ts";
import type { StateReport } from "./state/report.ts";
import { requireIdentity } from "./state/schema.ts";
import { Subtensor } from "./subtensor.ts";
import { type WhoseUpdate, whoseUpdate } from "./whose-update.ts";

/** One uid in the chain's row and in the one that would be set now; shares of 1. */
export interface WeightRow {
  uid: number;
  hotkey: string;
  onChain: number;
  now: number;
}

export interface WeightsReport {
  block: BlockNumber;
  netuid: number;
  hotkey: string;
  uid: Uid;
  /** Block of the last update on chain. */
  lastUpdate: number;
  setBy: WhoseUpdate;
  /** Uids with a weight here or there, largest of now first. */
  rows: WeightRow[];
  /** What would be set now, or why nothing would be. */
  proposal: ProposedWeights | { reason: string };
  /** The share of all weight that would go to others than it does. */
  moved: number;
  nextEpochBlock: number | undefined;
  /** Oldest first. */
  windows: readonly SubmissionRecord[];
  reveals: readonly StoredReveal[];
}

/**
 * Weights as the chain has them, as this validator last sent them, and as it would set them now. Signs nothing and needs no key: whose
 * weights it is about, the state says.
 * @throws Failure `state.foreign` for a chain that the state is not of; `chain.not-registered`, `chain.unreachable`
 */
export async function reportWeights(
  connection: ChainConnection,
  report: StateReport,
  { policy, vpermitTaoLimit }: { policy: WeightPolicy; vpermitTaoLimit: number },
): Promise<WeightsReport> {
  const { identity, saved, submissions, reveals, path } = report;
  requireIdentity(identity, { ...identity, genesis: connection.genesisHash }, path);
  const hotkey = asHotkey(identity.hotkey);
  const signer = {
    hotkey,
    signExtrinsic: (): never => {
      throw new Error("a report signs nothing");
    },
  };
  const chain = new Subtensor(connection, signer, asNetuid(identity.netuid), 0, policy);
  const subnet = await chain.fetchSubnet();
  const row = await chain.readOwnWeights();
  const empty = { neurons: [], scores: new Float32Array(), asked: new Uint32Array() };
  const { scores, asked } = alignScores(saved?.scores ?? empty, subnet.neurons);
  const order = claimsOf({ state: { subnet, scores, asked }, settings: { vpermitTaoLimit } });
  const proposal = await chain.proposeWeights(order).catch((error: unknown) => {
    if (!isFailure(error, "chain.bad-weights")) throw error;
    return { reason: error.message };
  });
  const rows = compare(
    subnet.neurons.map((neuron) => neuron.hotkey),
    sharesOf(row),
    "values" in proposal
      ? sharesOf(proposal.uids.map((uid, index) => [uid, proposal.values[index]!]))
      : new Map(),
  );
  return {
    block: subnet.block,
    netuid: identity.netuid,
    hotkey,
    uid: subnet.ownUid,
    lastUpdate: subnet.ownLastUpdate,
    setBy: whoseUpdate(subnet.ownLastUpdate, subnet.neurons[subnet.ownUid]!.registeredAt, submissions),
    rows,
    proposal,
    moved: rows.reduce((sum, { onChain, now }) => sum + Math.max(0, now - onChain), 0),
    nextEpochBlock: subnet.nextEpochBlock,
    windows: submissions,
    reveals,
  };
}

function sharesOf(row: readonly (readonly [number, number])[]): Map<number, number> {
  const sum = row.reduce((total, [, value]) => total + value, 0);
  return new Map(row.map(([uid, value]) => [uid, sum > 0 ? value / sum : 0]));
}

function compare(
  hotkeys: readonly string[],
  onChain: ReadonlyMap<number, number>,
  now: ReadonlyMap<number, number>,
): WeightRow[] {
  return [...new Set([...onChain.keys(), ...now.keys()])]
    .map((uid) => ({
      uid,
      hotkey: hotkeys[uid] ?? "",
      onChain: onChain.get(uid) ?? 0,
      now: now.get(uid) ?? 0,
    }))
    .sort((a, b) => b.now - a.now || b.onChain - a.onChain || a.uid - b.uid);
}
