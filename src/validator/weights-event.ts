import type { BlockNumber } from "../base/units.ts";
import type { WeightsBody } from "../events/schema.ts";
import type { EventFeed } from "./ports.ts";

type WeightsFacts = Partial<WeightsBody> & Pick<WeightsBody, "state">;

/** Tells what became of weights; a field that says nothing in this state is empty. */
export function tellWeights(feed: EventFeed, facts: WeightsFacts, block?: BlockNumber): void {
  const body: WeightsBody = {
    kind: "weights",
    path: null,
    uids: [],
    values: [],
    set_weights: [],
    reveal_round: null,
    extrinsic: null,
    reason: null,
    error: null,
    blocks_left: null,
    ...facts,
  };
  feed.emit(body, block);
}

/** The first mechanism of a subnet goes without saying, as in events of before there were others. */
export const mechanismOf = ({ mecid = 0 }: { mecid?: number | undefined }): { mecid?: number } =>
  mecid === 0 ? {} : { mecid };

/** u16 as on chain, and as shares of one in the field of openvalidators 1.2.0. */
export function weightsOf({ uids, values }: { uids: number[]; values: number[] }) {
  const sum = values.reduce((total, value) => total + value, 0);
  const setWeights = uids.map((uid, index): [number, number] => [uid, values[index]! / sum]);
  return { uids, values, set_weights: setWeights };
}
