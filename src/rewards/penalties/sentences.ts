/** Longer texts are counted by their beginning; a summary or question that long fails anyway. */
const MAX_COUNTED_CHARACTERS = 16_384;

const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });

/** A full stop that ends no sentence although a capital follows: titles, initials, a few abbreviations. */
const ABBREVIATED = /(?:^|[\s(])(?:\p{Lu}|dr|mr|mrs|ms|prof|st|vs|cf|no|fig)\.\s*$/iu;

/** Sentences of a text; a line without a full stop counts as one. */
export function countSentences(text: string): number {
  let count = 0;
  let isOpen = false;
  for (const { segment } of segmenter.segment(text.slice(0, MAX_COUNTED_CHARACTERS))) {
    // The number of a list's item is no sentence.
    if (!/\p{L}/u.test(segment)) continue;
    if (!isOpen) count++;
    isOpen = ABBREVIATED.test(segment);
  }
  return count;
}
