const MIN_WORDS = 10;
const MAX_WORDS = 160;

const WORDS =
  "the river carries water from the mountains to the sea and feeds the fields along its banks in every season".split(
    " ",
  );

/** Texts of 10 to 160 words in a fixed, mixed order: the lengths of one-line answers and of summaries. */
export function mixedTexts(count: number, seed = 0): string[] {
  const spread = MAX_WORDS - MIN_WORDS + 1;
  return Array.from({ length: count }, (_, index) => {
    // 37 and 151 have no common factor, so the lengths are spread evenly.
    const length = MIN_WORDS + ((index * 37) % spread);
    return Array.from({ length }, (_, at) => WORDS[(at * 7 + index + seed) % WORDS.length]).join(" ");
  });
}
