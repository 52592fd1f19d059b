import { type Mechanism, unknownMechanism } from "../chain/mechanism.ts";
import type { Subnet } from "./ports.ts";

type Mechanisms = Pick<Subnet, "mechanisms">;

/** Block of this validator's last weights for a mechanism, or of its registration; 0 = never. */
export function lastUpdateOf({ mechanisms }: Mechanisms, mecid: number): number {
  return mechanisms.find((one) => one.mecid === mecid)?.ownLastUpdate ?? 0;
}

/** @throws Failure `chain.unknown-mechanism` for one that the subnet does not have */
export function requireMechanisms({ mechanisms }: Mechanisms, netuid: number): void {
  const missing = mechanisms.find(({ share }) => share === undefined);
  if (missing !== undefined) throw unknownMechanism(netuid, missing.mecid, missing.of);
}

/** One mechanism in words; nothing where it is the only one of its subnet. */
export function describeMechanism({
  mecid,
  of,
  share,
}: Pick<Mechanism, "mecid" | "of" | "share">): string | undefined {
  if (share === undefined) return `mechanism ${mecid}, which this subnet does not have: it has ${of}`;
  return of === 1 ? undefined : `mechanism ${mecid} of ${of}, ${percent(share)} of the subnet's emission`;
}

/** Where the weights go; undefined on a subnet of one mechanism. */
export function describeMechanisms({
  mechanisms,
}: {
  mechanisms: readonly Parameters<typeof describeMechanism>[0][];
}): string | undefined {
  const told = mechanisms.map(describeMechanism).filter((text) => text !== undefined);
  return told.length === 0 ? undefined : told.join("; ");
}

const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;
