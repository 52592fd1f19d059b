import { asBlock, asUid, type Hotkey, U16_MAX, type Uid } from "../base/units.ts";
import type { ChainConnection } from "../chain/connection.ts";
import { chainFailure } from "../chain/errors.ts";
import { lastUpdateItem, ownerItem, weightsItem } from "../chain/items.ts";
import type { Metagraph } from "../chain/metagraph.ts";
import { readStorage } from "../chain/storage.ts";
import type { Settings } from "../config/options.ts";
import { processWeights } from "../weights/process.ts";
import { quantizeWeights } from "../weights/quantize.ts";
import { shapeWeights, type WeightPolicy, withoutBurn } from "../weights/shape.ts";
import type { WeightsOrder } from "./ports.ts";

/** The policy of a run's flags. */
export function policyOf(settings: WeightsSettings): WeightPolicy {
  return {
    burn: settings.weightsBurn,
    burnsIdle: settings.weightsBurnIdle,
    smoothing: settings.weightsSmoothing,
    steepness: settings.weightsSteepness,
    floor: settings.weightsFloor,
    deny: settings.weightsDeny,
  };
}

type WeightsSettings = Pick<
  Settings,
  "weightsBurn" | "weightsBurnIdle" | "weightsSmoothing" | "weightsSteepness" | "weightsFloor" | "weightsDeny"
>;

/** What the policy needs of the chain beside the metagraph. */
export interface ChainRow {
  /** Own row of weights on chain, u16. */
  row: [Uid, number][];
  /** Block of this validator's last weights in the same mechanism. */
  setAt: number;
  /** Hotkey of the subnet's owner. */
  owner: string;
}

/** At the block of the metagraph that they are weighed with. @throws Failure `chain.unreachable` */
export function fetchRow(
  connection: ChainConnection,
  { netuid, block }: Metagraph,
  mecid: number,
  uid: Uid,
): Promise<ChainRow> {
  return connection.ask("reading the own weights", async (api) => {
    const blockHash = (await api.rpc.chain.getBlockHash(block)).toHex();
    const { updates, ...read } = await readStorage(api, blockHash, {
      row: weightsItem({ netuid, mecid }, uid),
      updates: lastUpdateItem({ netuid, mecid }),
      owner: ownerItem(netuid),
    });
    return { ...read, setAt: updates[uid] ?? 0 };
  });
}

export interface Weighed {
  uids: number[];
  /** u16 as they go to the chain. */
  values: number[];
  /** Why they are what they are beyond the scores, one sentence each; empty where nothing is special. */
  lines: string[];
  /** Why nothing is burnt although that was asked for. */
  unburnt: string | undefined;
}

export interface Weighing {
  metagraph: Metagraph;
  /** By uid. */
  scores: Float32Array;
  neverAsked: readonly boolean[];
  chain: ChainRow | undefined;
}

/**
 * Scores to the integers that the chain takes: policy, the subnet's minimum and limit, rounding.
 * @throws Failure `chain.bad-weights` where nobody has a score
 */
export function weigh({ metagraph, scores, neverAsked, chain }: Weighing, policy: WeightPolicy): Weighed {
  const { hotkeys, coldkeys, hyperparameters } = metagraph;
  const { weights, lines, unburnt } = shapeWeights(
    {
      scores,
      hotkeys,
      coldkeys,
      neverAsked,
      previous: chain && previousOf(metagraph, chain),
      ownerUid: chain && ownerUidOf(metagraph, chain),
    },
    policy,
  );
  const count = weights.filter((weight) => weight > 0).length;
  // Nobody's score becomes equal weights for all (SDK process_weights), which would pay everyone for nothing.
  if (count === 0)
    throw chainFailure("chain.bad-weights", {
      message: "no miner of this subnet has a score above 0, so there are no weights to set",
      retry: "next-window",
    });
  const { minAllowedWeights, maxWeightsLimit } = hyperparameters;
  const maxWeightLimit = maxWeightsLimit / U16_MAX;
  if (hotkeys.length < minAllowedWeights)
    lines.push(
      `the subnet asks for ${minAllowedWeights} weights and has ${hotkeys.length} uids: every uid gets the same, whatever its score`,
    );
  else if (count < minAllowedWeights)
    lines.push(
      `the subnet asks for ${minAllowedWeights} weights, ${count} uids have a score: the others get the least that fills it up`,
    );
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  if (largest > maxWeightLimit)
    lines.push(
      `the subnet's limit of one weight is ${(maxWeightLimit * 100).toFixed(1)} %: larger ones are cut`,
    );
  const processed = processWeights({
    uids: [...weights.keys()],
    weights,
    neurons: hotkeys.length,
    minAllowedWeights,
    maxWeightLimit,
    excludeQuantile: 0,
  });
  const quantized = quantizeWeights(processed.uids, processed.weights, maxWeightLimit, minAllowedWeights);
  return { ...quantized, lines, unburnt };
}

/** Weights for those who hold the uids at the block of the metagraph. */
export function weighClaims(
  metagraph: Metagraph,
  { scoresFor, neverAsked }: Pick<WeightsOrder, "scoresFor" | "neverAsked">,
  chain: ChainRow | undefined,
  policy: WeightPolicy,
): Weighed {
  const holders = metagraph.hotkeys.map((hotkey, uid) => ({
    hotkey,
    registeredAt: asBlock(metagraph.blockAtRegistration[uid]!),
  }));
  return weigh(
    { metagraph, scores: scoresFor(holders), neverAsked: neverAsked?.(holders) ?? [], chain },
    policy,
  );
}

/** What the neurons of now earned of the own weights on chain: shares of 1 by uid, less what was burnt. */
export function earnedWeights(metagraph: Metagraph, chain: ChainRow, policy: WeightPolicy): Float32Array {
  return withoutBurn(previousOf(metagraph, chain), policy, ownerUidOf(metagraph, chain));
}

/** undefined for an owner without a uid */
function ownerUidOf({ hotkeys }: Metagraph, { owner }: ChainRow): Uid | undefined {
  const uid = hotkeys.indexOf(owner as Hotkey);
  return uid < 0 ? undefined : asUid(uid);
}

/** Own weights on chain for uids whose holder has not changed since they were set. */
function previousOf({ hotkeys, blockAtRegistration }: Metagraph, { row, setAt }: ChainRow): Float32Array {
  const previous = new Float32Array(hotkeys.length);
  for (const [uid, value] of row)
    if ((blockAtRegistration[uid] ?? Number.POSITIVE_INFINITY) < setAt) previous[uid] = value;
  return previous;
}
