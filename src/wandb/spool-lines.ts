import * as fs from "node:fs";

export const PIECE_BYTES = 1 << 20;

/** A file of lines, of which the server has the first ones. */
export interface StreamState {
  lines: number;
  sizeBytes: number;
  /** Where the first line lies that the server has not confirmed. */
  unsentAt: number;
}

/** Counts the whole lines of a file, cuts off a partial last one, and finds where line `confirmed` begins. */
export function scan(path: string, confirmed: number): StreamState {
  const state: StreamState = { lines: 0, sizeBytes: 0, unsentAt: 0 };
  if (!fs.existsSync(path)) return state;
  const fd = fs.openSync(path, "r+");
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    let at = 0;
    for (;;) {
      const read = fs.readSync(fd, piece, 0, piece.length, at);
      if (read === 0) break;
      for (let end = piece.indexOf(0x0a); end >= 0 && end < read; end = piece.indexOf(0x0a, end + 1)) {
        state.lines++;
        state.sizeBytes = at + end + 1;
        if (state.lines === confirmed) state.unsentAt = state.sizeBytes;
      }
      at += read;
    }
    if (state.sizeBytes < at) fs.ftruncateSync(fd, state.sizeBytes);
  } finally {
    fs.closeSync(fd);
  }
  return state;
}

/** Whole lines from a place on; reads about `maxBytes`, and at least one line. */
export function* linesFrom(path: string, start: number, maxBytes: number): Generator<Buffer> {
  if (!fs.existsSync(path)) return;
  const fd = fs.openSync(path, "r");
  try {
    let rest: Buffer = Buffer.alloc(0);
    let given = 0;
    for (let at = start; given < maxBytes; ) {
      const piece = Buffer.alloc(PIECE_BYTES);
      const read = fs.readSync(fd, piece, 0, piece.length, at);
      if (read === 0) return;
      at += read;
      rest = Buffer.concat([rest, piece.subarray(0, read)]);
      let from = 0;
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, from)) {
        given += end + 1 - from;
        yield rest.subarray(from, end);
        from = end + 1;
      }
      rest = rest.subarray(from);
    }
  } finally {
    fs.closeSync(fd);
  }
}
