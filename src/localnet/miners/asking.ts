import { isTerm, termsOf } from "../../prompts/sentences.ts";

/** A sentence turned into a question by its grammar. */
interface Turned {
  /** The verb that stands before the subject: "does". */
  verb: string;
  subject: string;
  /** What the sentence says of the subject, to the end of the clause. */
  rest: string;
}

const AUXILIARY = /^(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|should|shall)$/;
/** Verbs whose forms in -s and -ed are seldom anything else. */
const VERBS = new Set(
  `accept achieve add adopt affect agree aim allow announce appear apply approve arise ask attract authorize avoid become begin
  belong bring build carry choose combine come comprise concern consist contain continue contribute create decide declare define
  demand deny depend derive describe deserve determine develop differ discover distinguish divide embrace enable encourage end
  enforce enjoy enter establish exceed exist expect explain extend fail fall follow force form furnish gain generate give go grow
  happen help ignore impose improve include increase indicate inform insist install introduce invite involve keep lack learn
  let lie live maintain make manage meet mention need obtain occur offer oppose own permit possess prefer prepare prevent produce
  prohibit promise propose protect provide prove publish reach receive recognize recommend reduce refer reflect refuse regulate
  relate rely remain remove replace represent require resemble resist result retain reveal run seek seem separate serve speak spend
  spread stand start stay stretch submit succeed suffer suggest supply support suppose surround survive take teach tell tend
  think threaten urge use vary wish work write yield`.split(/\s+/),
);
const IRREGULAR: Readonly<Record<string, string>> = {
  became: "become",
  began: "begin",
  brought: "bring",
  built: "build",
  came: "come",
  chose: "choose",
  fell: "fall",
  gave: "give",
  grew: "grow",
  kept: "keep",
  made: "make",
  met: "meet",
  sought: "seek",
  spent: "spend",
  stood: "stand",
  took: "take",
  taught: "teach",
  told: "tell",
  thought: "think",
  went: "go",
  wrote: "write",
  goes: "go",
};
/** What a subject does not begin with: an adverbial, a clause, or a word that stands for another sentence's subject. */
const NO_SUBJECT = new Set(
  `in on at by for from of to with without within under over after before during through upon among between about against
  into since until as if when while where because although though unless whether and but or nor so yet thus then also however
  it this that these those there here he she they we i you who which what how why not only one another such both either neither
  now once first second finally later often sometimes perhaps therefore otherwise instead hence even just still again
  nevertheless moreover furthermore indeed usually fortunately unfortunately beyond despite like unlike according let
  never always today sure no nothing nobody none`.split(/\s+/),
);
/** What may stand before a name without being part of it. */
export const LEADING = new Set(["the", "a", "an", "their", "its", "his", "her"]);
/** What begins another clause, and what no question ends with. */
const CLAUSE = new Set(
  "which who whom whose that when where while because since although though unless if but yet so until whereas as than what how".split(
    " ",
  ),
);
const SUBJECT_WORDS = { fewest: 1, most: 8 } as const;
const REST_WORDS = { fewest: 3, most: 16 } as const;
/** Of a sentence: a question that holds more of it holds its answer. */
const MOST_TAKEN = 0.6;
/** Letters before the first comma that may be no more than an adverbial. */
const MOST_BEFORE = 80;
const HEADING = /^\p{Lu}{4,}$/u;

/**
 * How a question about a sentence goes on after the word that asks: "why" + "has the harbour of the old town lost its trade".
 * @param text in which names are told from other words by their letters
 * @returns undefined for a sentence whose grammar is not plain
 */
export function turned(sentence: string, text: string): string | undefined {
  const words = mainClause(sentence).split(" ");
  const at = words.findIndex(
    (word, place) => place > 0 && verbOf(word, words[place - 1]!, words[place + 1]) !== undefined,
  );
  const subject = words.slice(0, at);
  const verb = at < 0 ? undefined : verbOf(words[at]!, words[at - 1]!, words[at + 1]);
  if (verb === undefined || !isSubject(subject)) return undefined;
  const rest = restOf(words.slice(at + 1));
  if (rest === undefined) return undefined;
  if (subject.length + rest.length > MOST_TAKEN * sentence.split(" ").length) return undefined;
  const made: Turned = {
    verb: verb.auxiliary,
    subject: [small(subject, text), ...subject.slice(1)].join(" "),
    rest: [...verb.main, ...rest].join(" "),
  };
  return `${made.verb} ${made.subject} ${made.rest}`;
}

/** Without what stands before the subject: "In that year, the wall fell." */
function mainClause(sentence: string): string {
  const [first = ""] = sentence.split(" ", 1);
  const comma = sentence.indexOf(", ");
  return comma > 0 && comma < MOST_BEFORE && NO_SUBJECT.has(first.toLowerCase())
    ? sentence.slice(comma + 2)
    : sentence;
}

function verbOf(word: string, before: string, after = ""): { auxiliary: string; main: string[] } | undefined {
  if (AUXILIARY.test(word)) return { auxiliary: word, main: [] };
  if (/^(?:the|an?|of|to|and|or|in|for|with|by|their|its|his|her)$/i.test(before)) return undefined;
  // "The questions involved are", "the town surrounded by": no verbs of their sentences.
  if (AUXILIARY.test(after) || /^(?:by|in|at|as|on|upon)$/.test(after)) return undefined;
  const past = IRREGULAR[word] ?? baseOf(word, /ed$/);
  if (past !== undefined) return { auxiliary: word === "goes" ? "does" : "did", main: [past] };
  const present = baseOf(word, /s$/);
  return present === undefined ? undefined : { auxiliary: "does", main: [present] };
}

function baseOf(word: string, ending: RegExp): string | undefined {
  if (!ending.test(word)) return undefined;
  const stem = word.replace(ending, "");
  return [
    stem,
    `${stem}e`,
    stem.replace(/e$/, ""),
    stem.replace(/i$|ie$/, "y"),
    stem.replace(/(.)\1$/, "$1"),
  ].find((base) => VERBS.has(base));
}

function isSubject(words: readonly string[]): boolean {
  return (
    words.length >= SUBJECT_WORDS.fewest &&
    words.length <= SUBJECT_WORDS.most &&
    words.every((word) => /^[\p{L}\p{N}][\p{L}\p{N}'’-]*$/u.test(word) && !HEADING.test(word)) &&
    !words.some((word, at) => (at > 0 && CLAUSE.has(word)) || word === "later") &&
    !NO_SUBJECT.has(words[0]!.toLowerCase()) &&
    !/ly$/.test(words[0]!) &&
    !/(?:ing|ed)$/.test(words[0]!) &&
    termsOf(words.join(" ")).length > 0
  );
}

function restOf(words: readonly string[]): string[] | undefined {
  const rest: string[] = [];
  for (const word of words) {
    if (rest.length > 0 && CLAUSE.has(word)) break;
    rest.push(word.replace(/[.,;:!?)"”]+$/, ""));
    if (/[.,;:!?)"”]$|^[-–—]+$/.test(word)) break;
  }
  while (rest.length > 0 && !isTerm(rest.at(-1)!.toLowerCase())) rest.pop();
  const isPlain = rest.every((word) => /^[\p{L}\p{N}'’.%$-]+$/u.test(word));
  return isPlain &&
    rest.length >= REST_WORDS.fewest &&
    rest.length <= REST_WORDS.most &&
    termsOf(rest.join(" ")).length >= 2
    ? rest
    : undefined;
}

/** The first word of a sentence as it is written elsewhere: names keep their capital letter. */
function small(words: readonly string[], text: string): string {
  const [first = "", second = ""] = words;
  const lower = first.charAt(0).toLowerCase() + first.slice(1);
  if (LEADING.has(lower)) return lower;
  if (!/^\p{Lu}\p{Ll}*(?:[-'’]\p{Ll}+)*$/u.test(first) || /^\p{Lu}/u.test(second)) return first;
  const isName = new RegExp(`[\\p{Ll},] ${first}\\b`, "u").test(text);
  return isName ? first : lower;
}
