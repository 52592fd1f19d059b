/** Words in a row that two texts have in common or not. */
const SHINGLE_WORDS = 3;
/** Jaccard index of the shingles from which on two texts are one with changes. */
const NEAR = 0.7;

/**
 * Groups texts that are equal but for some words, each to the first that it is near to: the texts are few, the most
 * frequent of all.
 * @returns for each text the index of its group's first
 */
export function groupNear(texts: readonly string[]): number[] {
  const firsts: { index: number; shingles: Set<string> }[] = [];
  return texts.map((text, index) => {
    const shingles = shinglesOf(text);
    const near = firsts.find((other) => jaccard(other.shingles, shingles) >= NEAR);
    if (near !== undefined) return near.index;
    firsts.push({ index, shingles });
    return index;
  });
}

function shinglesOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  if (words.length <= SHINGLE_WORDS) return new Set([words.join(" ")]);
  return new Set(
    words.slice(SHINGLE_WORDS - 1).map((_, at) => words.slice(at, at + SHINGLE_WORDS).join(" ")),
  );
}

function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const common = [...a].filter((shingle) => b.has(shingle)).length;
  return common / (a.size + b.size - common);
}
