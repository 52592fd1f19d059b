import { dispatchError, type Outcome, type SubtensorEventValue } from "./outcome.ts";
import type { SubtensorCallValue } from "./runtime.ts";
import { commitSalted, revealSalted } from "./salted-commits.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import type { AccountHex } from "./types.ts";
import { applyWeights } from "./weights.ts";

type Batch = Extract<
  SubtensorCallValue,
  { kind: "batch_set_weights" | "batch_commit_weights" | "batch_reveal_weights" }
>;

/**
 * Several weights in one call. Of those for several subnets each stands for itself, and one that is refused does not hinder the
 * others, but is told of; several reveals for one subnet are all done or none.
 */
export function dispatchBatch(state: ChainState, signer: AccountHex, batch: Batch, height: number): Outcome {
  if (batch.kind === "batch_reveal_weights") return revealAll(state, signer, batch.fields, height);
  const { netuids } = batch.fields;
  const lists =
    batch.kind === "batch_commit_weights"
      ? [batch.fields.commitHashes]
      : [batch.fields.weights, batch.fields.versionKeys];
  if (lists.some((list) => list.length !== netuids.length)) return { error: "InputLengthsUnequal" };
  const outcomes = netuids.map((netuid, item): Outcome => {
    if (batch.kind === "batch_commit_weights")
      return commitSalted(
        state,
        signer,
        { netuid, mecid: 0, commitHash: batch.fields.commitHashes[item]! },
        height,
      );
    if (state.read(SUBTENSOR.commitRevealWeightsEnabled, netuid)) return { error: "CommitRevealEnabled" };
    const row = batch.fields.weights[item]!;
    const versionKey = batch.fields.versionKeys[item]!;
    const [uids, values] = [row.map(([uid]) => uid), row.map(([, value]) => value)];
    return applyWeights(state, signer, { netuid, mecid: 0, uids, values, versionKey }, height);
  });
  const done = outcomes.flatMap((outcome) => ("error" in outcome ? [] : outcome.events));
  const failed = outcomes.flatMap((outcome, item): SubtensorEventValue[] =>
    "error" in outcome
      ? [{ kind: "BatchWeightItemFailed", fields: { 0: netuids[item]!, 1: dispatchError(outcome.error) } }]
      : [],
  );
  const warned: SubtensorEventValue[] =
    failed.length > 0 ? [{ kind: "BatchCompletedWithErrors", fields: {} }] : [];
  const completed: SubtensorEventValue = {
    kind: "BatchWeightsCompleted",
    fields: { 0: netuids, 1: signer },
  };
  return { events: [...done, ...warned, ...failed, completed] };
}

function revealAll(
  state: ChainState,
  signer: AccountHex,
  {
    netuid,
    uidsList,
    valuesList,
    saltsList,
    versionKeys,
  }: Extract<Batch, { kind: "batch_reveal_weights" }>["fields"],
  height: number,
): Outcome {
  const lists = [valuesList, saltsList, versionKeys];
  if (lists.some((list) => list.length !== uidsList.length)) return { error: "InputLengthsUnequal" };
  return state.allOrNothing(() => {
    const events: SubtensorEventValue[] = [];
    for (const [item, uids] of uidsList.entries()) {
      const [values, salt, versionKey] = [valuesList[item]!, saltsList[item]!, versionKeys[item]!];
      const outcome = revealSalted(
        state,
        signer,
        { netuid, mecid: 0, uids, values, salt, versionKey },
        height,
      );
      if ("error" in outcome) return outcome;
      events.push(...outcome.events);
    }
    return { events };
  });
}
