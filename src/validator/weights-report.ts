import { isFailure } from "../base/error.ts";
import { asHotkey, asNetuid, type BlockNumber, type Uid } from "../base/units.ts";
import type { ChainConnection } from "../chain/connection.ts";
import type { Mechanism } from "../chain/mechanism.ts";
import { fetchMetagraph } from "../chain/metagraph.ts";
import { isSameRow } from "../chain/reveal.ts";
import type { Coverage } from "../weights/coverage.ts";
import { alignScores } from "../weights/scores.ts";
import type { WeightPolicy } from "../weights/shape.ts";
import { claimsOf } from "./claims.ts";
import { requireMechanisms } from "./own-mechanisms.ts";
import type { ProposedWeights, Subnet } from "./ports.ts";
import type { StoredReveal, SubmissionRecord } from "./state/content.ts";
import type { StateReport } from "./state/report.ts";
import { requireIdentity } from "./state/schema.ts";
import { type PaceSettings, subnetCoverage } from "./subnet-coverage.ts";
import { Subtensor } from "./subtensor.ts";
import { type ChainRow, fetchRow, weighClaims } from "./weighing.ts";
import { openingBefore } from "./weights-schedule.ts";
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
  nextEpochBlock: number | undefined;
  /** With --weights.before_epoch, the block from which on the next weights are set; undefined without. */
  opensAt: number | undefined;
  coverage: Coverage;
  /** In the order in which they were asked for. */
  mechanisms: MechanismReport[];
}

/** The weights of one mechanism of the subnet. */
export interface MechanismReport extends Pick<Mechanism, "mecid" | "of" | "share"> {
  /** Block of the last update on chain. */
  lastUpdate: number;
  setBy: WhoseUpdate;
  /** Uids with a weight here or there, largest of now first. */
  rows: WeightRow[];
  /** What would be set now, or why nothing would be. */
  proposal: ProposedWeights | { reason: string };
  /** The share of all weight that would go to others than it does. */
  moved: number;
  /** Oldest first. */
  windows: readonly SubmissionRecord[];
  reveals: readonly (StoredReveal & { isOnChain: boolean })[];
}

const NO_EVIDENCE = { countedSteps: 0, blocks: 0 };

export interface ReportChoice {
  policy: WeightPolicy;
  settings: PaceSettings;
  mecids: readonly number[];
  /** Blocks before an epoch at which weights are set; 0 = an epoch after the last. */
  beforeEpochBlocks: number;
}

/**
 * Weights as the chain has them, as this validator last sent them, and as it would set them now. Signs nothing and needs no key: whose
 * weights it is about, the state says.
 * @throws Failure `state.foreign` for a chain that the state is not of; `chain.not-registered`, `chain.unreachable`
 */
export async function reportWeights(
  connection: ChainConnection,
  report: StateReport,
  { policy, settings, mecids, beforeEpochBlocks }: ReportChoice,
): Promise<WeightsReport> {
  const { identity, saved, path } = report;
  requireIdentity(identity, { ...identity, genesis: connection.genesisHash }, path);
  const hotkey = asHotkey(identity.hotkey);
  const netuid = asNetuid(identity.netuid);
  const signer = {
    hotkey,
    signExtrinsic: (): never => {
      throw new Error("a report signs nothing");
    },
  };
  const chain = new Subtensor(connection, signer, netuid, 0, policy, mecids);
  const startedMs = performance.now();
  const metagraph = await fetchMetagraph(connection, netuid);
  const subnet = await chain.subnetOf(metagraph, startedMs);
  requireMechanisms(subnet, netuid);
  const empty = { neurons: [], scores: new Float32Array(), asked: new Uint32Array() };
  const { scores, asked } = alignScores(saved?.scores ?? empty, subnet.neurons);
  const claims = claimsOf({ state: { subnet, scores, asked, lapsed: [] }, settings });
  const mechanisms: MechanismReport[] = [];
  for (const mechanism of subnet.mechanisms) {
    const row = await fetchRow(connection, metagraph, mechanism.mecid, subnet.ownUid);
    const proposal = proposalOf(() => weighClaims(metagraph, claims, row, policy));
    mechanisms.push(reportMechanism(subnet, mechanism, row, { report, proposal }));
  }
  return {
    block: subnet.block,
    netuid,
    hotkey,
    uid: subnet.ownUid,
    nextEpochBlock: subnet.nextEpochBlock,
    opensAt: openingBefore({ beforeEpochBlocks }, subnet, subnet.block),
    coverage: subnetCoverage(settings, subnet, saved?.evidence ?? NO_EVIDENCE, chain.blockTimeMs),
    mechanisms,
  };
}

function proposalOf(propose: () => ProposedWeights): MechanismReport["proposal"] {
  try {
    return propose();
  } catch (error) {
    if (!isFailure(error, "chain.bad-weights")) throw error;
    return { reason: error.message };
  }
}

function reportMechanism(
  subnet: Subnet,
  { mecid, of, share, ownLastUpdate }: Mechanism,
  { row }: ChainRow,
  { report, proposal }: { report: StateReport } & Pick<MechanismReport, "proposal">,
): MechanismReport {
  const windows = report.submissions.filter((one) => one.mecid === mecid);
  const rows = compare(
    subnet.neurons.map((neuron) => neuron.hotkey),
    sharesOf(row),
    "values" in proposal
      ? sharesOf(proposal.uids.map((uid, index) => [uid, proposal.values[index]!]))
      : new Map(),
  );
  return {
    mecid,
    of,
    share,
    lastUpdate: ownLastUpdate,
    setBy: whoseUpdate(ownLastUpdate, subnet.neurons[subnet.ownUid]!.registeredAt, windows, row),
    rows,
    proposal,
    moved: rows.reduce((sum, { onChain, now }) => sum + Math.max(0, now - onChain), 0),
    windows,
    reveals: report.reveals
      .filter((one) => one.mecid === mecid)
      .map((one) => ({ ...one, isOnChain: isSameRow(row, one) })),
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
