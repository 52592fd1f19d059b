import { damaged, quoted, refusedFile } from "./refusal.ts";

/** A checkpoint's JSON is flat: two levels for weights, a few for a configuration. */
const MAX_DEPTH = 16;

/**
 * The object in a stranger's JSON file. A name that comes twice is an error here, because readers differ in which of the two
 * they take; so are bytes that are no UTF-8, and nesting without need.
 * @param file as messages call it
 * @throws Failure `model.corrupt`, `model.refused`
 */
export function strictObject(file: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let text: string;
  let content: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw damaged(file, "is not written in UTF-8", { cause });
  }
  refuseDepth(file, text);
  try {
    content = JSON.parse(text);
  } catch (cause) {
    // What the parser says repeats what it met.
    throw damaged(file, "is no JSON", { cause });
  }
  if (typeof content !== "object" || content === null || Array.isArray(content))
    throw damaged(file, "holds no JSON object");
  refuseTwins(file, text);
  return content as Record<string, unknown>;
}

interface Token {
  /** Of the structure, or the quote that begins a string. */
  mark: string;
  start: number;
  /** After its last character. */
  end: number;
}

/** Strings and what gives JSON its structure, in time proportional to the text, whether it is JSON or not. */
function* tokensOf(text: string): Generator<Token> {
  for (let at = 0; at < text.length; at++) {
    const mark = text[at]!;
    if (mark === '"') {
      const start = at;
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === "\\") at++;
      yield { mark, start, end: at + 1 };
    } else if ("{}[]:".includes(mark)) yield { mark, start: at, end: at + 1 };
  }
}

function refuseDepth(file: string, text: string): void {
  let depth = 0;
  for (const { mark } of tokensOf(text)) {
    if (mark === "{" || mark === "[") depth++;
    else if (mark === "}" || mark === "]") depth--;
    if (depth > MAX_DEPTH)
      throw refusedFile(
        file,
        `is nested deeper than ${MAX_DEPTH} levels`,
        "no checkpoint needs that: take it from where it was published",
      );
  }
}

/** @param text is valid JSON */
function refuseTwins(file: string, text: string): void {
  /** For each object that is open, the names so far. */
  const open: (Set<string> | undefined)[] = [];
  let last = { start: 0, end: 0 };
  for (const token of tokensOf(text)) {
    const { mark } = token;
    if (mark === "{" || mark === "[") open.push(mark === "{" ? new Set() : undefined);
    else if (mark === "}" || mark === "]") open.pop();
    else if (mark === ":") {
      const name = JSON.parse(text.slice(last.start, last.end)) as string;
      const names = open.at(-1)!;
      if (names.has(name)) throw damaged(file, `names ${quoted(name)} twice`);
      names.add(name);
    }
    last = token;
  }
}
