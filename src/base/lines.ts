/** A line longer than this is none that we write, nor W&B, which takes 10 MiB. */
export const MAX_LINE_BYTES = 64 << 20;

export interface Line {
  /** Without its end; undefined for a line that is too long, which is passed over without being held. */
  text: string | undefined;
  /** It has its line feed, or is passed over; false for the rest after the last line feed. */
  isWhole: boolean;
}

/**
 * Lines end at a line feed and nowhere else: node:readline also ends them at U+2028, which a miner may write. Memory is
 * bounded by the longest line that is taken.
 */
export async function* linesOf(
  input: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<Line> {
  let parts: Uint8Array[] = [];
  let sizeBytes = 0;
  const take = (piece: Uint8Array): void => {
    sizeBytes += piece.length;
    if (sizeBytes <= maxBytes) parts.push(piece);
    else parts = [];
  };
  const textOfParts = (): string | undefined =>
    sizeBytes > maxBytes ? undefined : Buffer.concat(parts).toString("utf8");
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      take(chunk.subarray(start, end));
      yield { text: textOfParts(), isWhole: true };
      parts = [];
      sizeBytes = 0;
      start = end + 1;
    }
    take(chunk.subarray(start));
  }
  if (sizeBytes > 0) yield { text: textOfParts(), isWhole: false };
}
