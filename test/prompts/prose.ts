/** A text that can be asked about, told from others by its name. */
export function prose(name: string | number, sentences = 6): string {
  return Array.from(
    { length: sentences },
    () => `This sentence belongs to the text ${name} and speaks of rivers.`,
  ).join(" ");
}

/** The name in a text made by `prose`. */
export function nameOf(text: string): string {
  return /belongs to the text (\S+)/.exec(text)?.[1] ?? "";
}

/** Same numbers in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
