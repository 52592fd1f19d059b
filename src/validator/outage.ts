import type { Reply } from "../base/vocabulary.ts";
import { canBeAsked } from "./choose.ts";
import type { Neuron, Outage } from "./ports.ts";
import type { Session } from "./session.ts";
import type { Watch } from "./watch.ts";

/**
 * Miners that must agree before their words excuse a step: fewer could say "your clock is wrong" to keep a score that
 * they no longer earn. What this machine knows by itself needs no witness.
 */
const MIN_WITNESSES = 4;
/**
 * Miners that are tried when a sample is silent, so many outside it and so many in it: one that accepts a connection shows
 * that the silence is not ours.
 */
const PROBES = 16;

/**
 * Whether the fault that all replies of a step share is this validator's own. Then they are no evidence of the miners:
 * a step on them would train every miner to 0.
 */
export async function findOutage<N extends Neuron>(
  session: Session<N>,
  chosen: readonly N[],
  replies: readonly Reply[],
): Promise<Outage | undefined> {
  const { modules, watch, signal } = session;
  const outage = withSkew(modules.miners.outageOf(replies), watch);
  const isOurs = outage !== undefined && (await isCredible(session, { chosen, replies, outage }));
  if (signal.aborted) return undefined;
  if (!isOurs) {
    watch.miners.set("reached", { asked: replies.length, reached: reachedBy(replies).length });
    watch.noteReached(reachedBy(replies));
    return undefined;
  }
  watch.miners.set("outage", { asked: replies.length, reached: reachedBy(replies).length, outage });
  return outage;
}

/** What the chain says of the clock stands behind what the miners say of it. */
function withSkew(outage: Outage | undefined, { clock, skew }: Watch): Outage | undefined {
  if (outage?.cause !== "clock" || clock.state === "right") return outage;
  return { ...outage, text: `${outage.text}: ${skew}` };
}

interface Claim<N extends Neuron> {
  chosen: readonly N[];
  replies: readonly Reply[];
  outage: Outage;
}

async function isCredible<N extends Neuron>(
  session: Session<N>,
  { chosen, replies, outage }: Claim<N>,
): Promise<boolean> {
  // Absent miners are no witnesses: two that refuse among many that are gone would be believed by the number asked.
  const hasWitnesses = replies.filter(({ fault }) => fault === outage.cause).length >= MIN_WITNESSES;
  switch (outage.cause) {
    case "descriptors":
      return true;
    case "clock":
      return session.watch.clock.state === "wrong" || hasWitnesses;
    case "refused":
      return hasWitnesses;
    case "network":
    case "unreachable":
      // A machine that hears nothing of the chain either has lost its network, whatever still takes a connection.
      if (session.modules.chain.isOverdue()) return true;
      return !(await session.modules.miners.isAnyReachable(probesFor(session, chosen), session.signal));
  }
}

/**
 * Miners outside the sample, then those in it: a subnet that is asked whole has no others, and miners that accept a
 * connection and never answer must not pass for an outage. Of each, those that answered last first.
 */
function probesFor<N extends Neuron>(session: Session<N>, chosen: readonly N[]): N[] {
  const { state, watch, random } = session;
  const uids = new Set(chosen.map(({ uid }) => uid));
  const others = state.subnet.neurons.filter(
    (neuron) => !uids.has(neuron.uid) && canBeAsked(session, neuron),
  );
  return [others, chosen].flatMap((neurons) =>
    neurons
      .map((neuron) => ({ neuron, rank: watch.lastReached(neuron.hotkey) ?? -random() }))
      .sort((a, b) => b.rank - a.rank)
      .slice(0, PROBES)
      .map(({ neuron }) => neuron),
  );
}

/** Replies that came over HTTP, whatever the miner said. */
export function reachedBy(replies: readonly Reply[]): Reply[] {
  return replies.filter(({ reached, status }) => reached ?? status === 200);
}
