/** Which rows have a beginning in common, so that a causal model need compute it only once. Pure. */

/** Rows that begin alike. */
export interface PrefixGroup {
  /** Positions in the caller's list. */
  rows: number[];
  /** Tokens that they have in common; 0 for rows that are computed whole. */
  length: number;
}

export interface PrefixLimits {
  /** Lengths of prefixes are multiples of this, for the reason that widths of batches are. */
  step: number;
  /** Fewest tokens that a prefix has to save; see LEAST_SAVED_TOKENS. */
  leastSaved: number;
}

/**
 * A prefix costs a run of its own, which fills the device less than a batch does, and a copy of its keys and values for
 * each row. So it has to save some tokens, and a good part of what its rows would compute.
 */
export const LEAST_SAVED_TOKENS = 64;
const LEAST_SAVED_PART = 0.25;

/**
 * Takes rows apart into groups of one prefix each, the one that saves most first.
 * @param lists token ids of each row.
 * @param limits most tokens of each row that may be taken into a prefix.
 * @returns groups that name every row once; the last one may be of rows without a prefix.
 */
export function groupByPrefix(
  lists: readonly (readonly number[])[],
  limits: readonly number[],
  { step, leastSaved }: PrefixLimits,
): PrefixGroup[] {
  const groups: PrefixGroup[] = [];
  // In this order every group of rows that begin alike is one stretch.
  let rest = [...lists.keys()].sort((a, b) => compare(lists[a]!, lists[b]!));
  for (;;) {
    const best = mostSaving(rest, { lists, limits, step, leastSaved });
    if (best === undefined) break;
    groups.push({ rows: rest.slice(best.start, best.end), length: best.length });
    rest = [...rest.slice(0, best.start), ...rest.slice(best.end)];
  }
  if (rest.length > 0) groups.push({ rows: rest.sort((a, b) => a - b), length: 0 });
  return groups;
}

interface Stretch {
  start: number;
  end: number;
  length: number;
}

interface Sharing extends PrefixLimits {
  lists: readonly (readonly number[])[];
  limits: readonly number[];
}

/** The stretch of rows whose prefix saves most: the largest rectangle under what neighbours have in common. */
function mostSaving(
  order: readonly number[],
  { lists, limits, step, leastSaved }: Sharing,
): Stretch | undefined {
  const common = order.slice(1).map((row, at) => {
    const before = order[at]!;
    return Math.min(limits[before]!, limits[row]!, commonLength(lists[before]!, lists[row]!));
  });
  let best: Stretch | undefined;
  let most = leastSaved - 1;
  for (const start of common.keys()) {
    let shortest = Number.POSITIVE_INFINITY;
    let tokens = lists[order[start]!]!.length;
    for (let end = start + 2; end <= order.length; end++) {
      shortest = Math.min(shortest, common[end - 2]!);
      const length = Math.floor(shortest / step) * step;
      if (length === 0) break;
      tokens += lists[order[end - 1]!]!.length;
      const saved = (end - start - 1) * length;
      if (saved > most && saved >= tokens * LEAST_SAVED_PART) {
        most = saved;
        best = { start, end, length };
      }
    }
  }
  return best;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = commonLength(a, b);
  return (a[at] ?? -1) - (b[at] ?? -1);
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}
