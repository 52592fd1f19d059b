import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const ENTITIES: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  para: "",
};

/** Prose of the HTML pages below a folder, paragraph by paragraph, in the order of the file names. */
export function paragraphsOf(folder: string): string[] {
  const pages = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".html") && statSync(join(folder, name)).isFile(),
  );
  const found = pages.sort().flatMap((name) => paragraphsIn(readFileSync(join(folder, name), "utf8")));
  return [...new Set(found)];
}

function paragraphsIn(html: string): string[] {
  return [...html.matchAll(/<(p|div class="para")(?:\s[^>]*)?>(.*?)<\/(?:p|div)>/gs)]
    .map(([, , inner]) => plain(inner!))
    .filter(isProse);
}

function plain(html: string): string {
  return html
    .replace(/<[^>]*>/g, "")
    .replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) =>
      decimal !== undefined
        ? String.fromCodePoint(Number(decimal))
        : hex !== undefined
          ? String.fromCodePoint(Number.parseInt(hex, 16))
          : (ENTITIES[name] ?? whole),
    )
    .replace(/¶/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** Whole sentences of words, not lists, code or captions. */
function isProse(text: string): boolean {
  const words = text.split(" ");
  const plainWords = words.filter((word) => /^["“‘(]?[\p{L}'’-]+[)"”’,.;:!?]*$/u.test(word)).length;
  return (
    words.length >= 12 &&
    plainWords / words.length > 0.85 &&
    /^["“(]?\p{Lu}/u.test(text) &&
    /[.!?]["”)]?$/.test(text)
  );
}
