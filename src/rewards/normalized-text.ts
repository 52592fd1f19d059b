/** Characters that are normalised at once. */
const PIECE_CHARACTERS = 1024;

/**
 * The beginning of a text in a compatibility form, at most `maxCharacters` long, for the work that goes into it and no
 * more: one character may become 18 (U+FDFA), so a text is normalised piece by piece until there is enough. Pieces are
 * parted between code points; marks that stand on both sides of such a place stay in their order.
 */
export function normalizedBeginning(text: string, form: "NFKC" | "NFKD", maxCharacters: number): string {
  let normalized = "";
  for (let at = 0; at < text.length && normalized.length < maxCharacters; ) {
    const end = at + PIECE_CHARACTERS;
    const isInPair = end < text.length && /[\ud800-\udbff]/.test(text[end - 1]!);
    const piece = text.slice(at, isInPair ? end + 1 : end);
    normalized += piece.normalize(form);
    at += piece.length;
  }
  return normalized.slice(0, maxCharacters).toWellFormed();
}
