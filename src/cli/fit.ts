import type { CommandContext } from "./command.ts";

/** A text column is cut to this before another is left out. */
const LEAST_TEXT = 16;
export const GAP = 2;

/** A column of a table for a screen. */
export interface ScreenColumn {
  title: string;
  /** Texts may be cut, numbers not. */
  isText: boolean;
  /** What goes first where there is no room; 0 stays in any case. */
  spare: number;
}

/** Of a terminal that does not tell. */
const USUAL_WIDTH = 100;

/** Characters of a line of the terminal; undefined where it is none, and none is told of. */
export function screenWidth(
  environment: CommandContext["environment"],
  stream: { isTTY?: boolean; columns?: number } = process.stdout,
): number | undefined {
  const told = Number(environment.COLUMNS) || undefined;
  return stream.isTTY ? stream.columns || told || USUAL_WIDTH : told;
}

/** Which columns fit, and how wide the cells of each may be: texts are cut first, then spare columns go. */
export function fitted(
  columns: readonly ScreenColumn[],
  texts: readonly (readonly string[])[],
  width: number,
): { kept: number[]; widths: Map<number, number> } {
  const natural = columns.map(({ title }, at) =>
    texts.reduce((most, row) => Math.max(most, Bun.stringWidth(row[at]!)), Bun.stringWidth(title)),
  );
  let kept = [...columns.keys()];
  for (;;) {
    const texty = kept.filter((at) => columns[at]!.isText && natural[at]! > LEAST_TEXT);
    const fixed = kept.filter((at) => !texty.includes(at)).reduce((sum, at) => sum + natural[at]!, 0);
    const room = width - fixed - GAP * (kept.length - 1);
    const widths = new Map(kept.map((at) => [at, natural[at]!]));
    if (texty.length > 0 && room >= LEAST_TEXT * texty.length) {
      share(texty, natural, room, widths);
      return { kept, widths };
    }
    if (texty.length === 0 && room >= 0) return { kept, widths };
    const spare = Math.max(...kept.map((at) => columns[at]!.spare));
    if (spare === 0) {
      for (const at of texty) widths.set(at, LEAST_TEXT);
      return { kept, widths };
    }
    const gone = kept.findLast((at) => columns[at]!.spare === spare);
    kept = kept.filter((at) => at !== gone);
  }
}

/** Gives each what it needs, and to those that need more an even part of the rest. */
function share(
  texty: readonly number[],
  natural: readonly number[],
  room: number,
  widths: Map<number, number>,
): void {
  let left = room;
  const order = [...texty].sort((a, b) => natural[a]! - natural[b]!);
  for (const [index, at] of order.entries()) {
    const given = Math.min(natural[at]!, Math.floor(left / (order.length - index)));
    widths.set(at, given);
    left -= given;
  }
}

/** A text that takes at most `width` characters of a screen. */
export function cut(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  let out = "";
  for (const character of text) {
    if (Bun.stringWidth(out + character) > width - 1) break;
    out += character;
  }
  return `${out}…`;
}

/**
 * Facts with their names to the left; a text that is too long goes on below itself.
 * @param width characters of a line; undefined = any
 * @param least characters that names take at least
 */
export function labelled(
  rows: readonly (readonly [name: string, text: string])[],
  width: number | undefined,
  least = 0,
): string {
  const names = Math.max(least, ...rows.map(([name]) => name.length));
  const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(LEAST_TEXT, width - names - GAP);
  const indent = `\n${" ".repeat(names + GAP)}`;
  return rows
    .map(([name, text]) => `${name.padEnd(names + GAP)}${wrapped(text, room).replaceAll("\n", indent)}\n`)
    .join("");
}

/** Lines end at spaces, and within a word that no line holds. */
export function wrapped(text: string, width: number): string {
  const lines: string[] = [""];
  const pieces = text.split(" ").flatMap((word) => piecesOf(word, width));
  for (const piece of pieces) {
    const line = lines.at(-1)!;
    if (line !== "" && Bun.stringWidth(line) + 1 + Bun.stringWidth(piece) > width) lines.push(piece);
    else lines[lines.length - 1] = line === "" ? piece : `${line} ${piece}`;
  }
  return lines.join("\n");
}

function piecesOf(word: string, width: number): string[] {
  if (Bun.stringWidth(word) <= width) return [word];
  const pieces = [""];
  for (const character of word) {
    if (Bun.stringWidth(pieces.at(-1)! + character) > width) pieces.push("");
    pieces[pieces.length - 1] += character;
  }
  return pieces;
}
