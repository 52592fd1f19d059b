import { pick, type Random } from "../../../src/localnet/miners/random.ts";

/** Another word for some of the commonest, of the same kind and number. */
const SYNONYMS: Readonly<Record<string, string>> = {
  because: "since",
  although: "though",
  however: "nevertheless",
  also: "likewise",
  many: "numerous",
  often: "frequently",
  use: "employ",
  used: "employed",
  using: "employing",
  need: "require",
  needs: "requires",
  needed: "required",
  help: "aid",
  helps: "aids",
  show: "indicate",
  shows: "indicates",
  shown: "indicated",
  make: "render",
  important: "significant",
  large: "big",
  great: "considerable",
  small: "little",
  begin: "start",
  began: "started",
  allow: "permit",
  allows: "permits",
  allowed: "permitted",
  choose: "select",
  chosen: "selected",
  provide: "supply",
  provides: "supplies",
  provided: "supplied",
  contain: "hold",
  contains: "holds",
  different: "distinct",
  several: "various",
  possible: "feasible",
  usually: "generally",
  people: "persons",
  nation: "country",
  nations: "countries",
  men: "persons",
  first: "initial",
  whole: "entire",
  almost: "nearly",
  perhaps: "maybe",
  upon: "on",
  sufficient: "enough",
  required: "needed",
  obtain: "get",
  obtained: "got",
  entire: "whole",
  purpose: "aim",
  purposes: "aims",
  manner: "way",
  method: "way",
  methods: "ways",
  problem: "difficulty",
  problems: "difficulties",
  change: "alteration",
  changes: "alterations",
  work: "labour",
  system: "setup",
  power: "authority",
  question: "matter",
  questions: "matters",
  time: "period",
  part: "portion",
  parts: "portions",
  simply: "just",
  only: "solely",
  very: "quite",
  install: "set up",
  installed: "set up",
  create: "make",
  created: "made",
  ensure: "guarantee",
  remove: "delete",
  removed: "deleted",
  file: "document",
  files: "documents",
};
/** Before these words it would be no English: "numerous of", "employed to be", "supplied for". */
const KEPT_BEFORE: Readonly<Record<string, readonly string[]>> = {
  of: ["many", "several"],
  to: ["used", "required"],
  for: ["provide", "provides", "provided"],
  same: ["very"],
};
const OPENINGS = [
  "In short, ",
  "Put simply, ",
  "As the text has it, ",
  "Here, ",
  "It appears that ",
  "",
] as const;
const ASIDE = /\s*\([^()]*\)/g;

/** A sentence in other words: asides left out, a clause moved, known words replaced; its sense stays. */
export function rewrite(sentence: string, random: Random): string {
  const stop = /[.!?]["”’)]?$/.exec(sentence)?.[0] ?? ".";
  let body = sentence.slice(0, sentence.length - stop.length).replace(ASIDE, "");
  const comma = body.indexOf(", ");
  const clause = body.slice(comma + 2);
  // What follows the only comma can stand before it, where both parts are long enough to be clauses.
  if (
    comma > 20 &&
    clause.length > 20 &&
    !clause.includes(",") &&
    /^(?:when|if|while|as|because|since|although|though|with|in|for|by)\b/i.test(clause)
  )
    body = `${upper(clause)}, ${lower(body.slice(0, comma))}`;
  const text = reworded(body, random);
  const opening = random() < 0.5 ? pick(OPENINGS, random) : "";
  return `${opening === "" ? upper(text) : opening + lower(text)}${stop}`;
}

/** The same words in the same order but for known ones, which others stand for. */
export function reworded(text: string, random: Random): string {
  const given = text.split(" ");
  const words = given.map((word, at) => {
    const bare = word.replace(/[^\p{L}]/gu, "");
    const other = SYNONYMS[bare.toLowerCase()];
    if (other === undefined || random() < 0.15) return word;
    if (KEPT_BEFORE[given[at + 1] ?? ""]?.includes(bare.toLowerCase())) return word;
    return word.replace(bare, bare === lower(bare) ? other : upper(other));
  });
  for (const [at, word] of words.entries())
    if (word !== given[at] && /^an?$/i.test(words[at - 1] ?? ""))
      words[at - 1] = words[at - 1]!.charAt(0) + (/^[aeiou]/i.test(word) ? "n" : "");
  return words.join(" ");
}

export function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The first letter small, unless the first word looks like a name or stands for one. */
export function lower(text: string): string {
  return /^(?:I\b|[A-Z][a-z]*[A-Z]|[A-Z]{2})/.test(text)
    ? text
    : text.charAt(0).toLowerCase() + text.slice(1);
}
