import { wordsOf } from "../../prompts/sentences.ts";

/** Marks between clauses, but for commas in numbers. */
const MARK = /((?<!\p{N}),|,(?!\p{N})|[;:()–—]|\s-+\s|--+)/u;

/** What takes back a statement by itself. */
const FALSE =
  /^(?:false|falsely|untrue|incorrect|incorrectly|myth|fiction|lies?|misconception|fallacy|hoax|nonsense|absurd|opposite|contrary|reverse)$/;
/** What takes back the statement behind its "that": "the author rejects the claim that". */
const REJECTS =
  /^(?:unlikely|doubt(?:s|ed|ful|less)?|deny|denies|denied|denying|disprove[sd]?|refute[sd]?|reject(?:s|ed)?)$/;
/** What takes back nothing by itself: "it is not surprising that", "not long after". */
const NOT =
  /^(?:not|no|never|neither|nor|none|nobody|nothing|hardly|scarcely|few|without|cannot|.*n't|isnt|wrong|wrongly|mistake|mistaken|error)$/;
/** What it must be said of: "nobody believes that", "there is no proof of the claim that". */
const HOLDS =
  /^(?:true|truth|truly|case|so|right|correct|fact|likely|possible|certain|sure|believ(?:e|es|ed|ing)|belief|think|thinks|thinking|thought|idea|say|says|said|claim|claims|claimed|hold|holds|mean|means|agrees?|agreed|accepts?|accepted|assum(?:e|es|ed|ing)|suppos(?:e|es|ed|ing)|imagines?|argues?|states?|shows?|suggests?|follows?|evidence|proof|proves?|proved|proven)$/;
const COMPLEMENT = /^(?:that|whether|how)$/;
const NOT_ONLY = /^(?:only|just|merely|least)$/;

/** Words between what denies and what it is said of, and between that and the quotation. */
const NEAR = { held: 4, quoted: 4 } as const;

/**
 * Whether words before a quotation say that it is not so ("it is a myth that"). Two denials do not ("no one doubts that"), nor
 * does one in another clause ("although nobody expected it,") or of something else ("one must not forget that").
 * @param count words of the sentence before the quotation
 */
export function isTakenBack(sentence: string, count: number): boolean {
  const { words, mark } = clauseBefore(sentence, count);
  // "The opposite of this is right:"; that something is false may be said of what was said before.
  if (mark === ":") return words.some((word, at) => FALSE.test(word) && words[at + 1] === "of");
  if (mark !== "") return false;
  const isNear = (at: number): boolean => at >= words.length - NEAR.quoted;
  const takes = (at: number): boolean =>
    FALSE.test(words[at]!) || (REJECTS.test(words[at]!) && isNear(at) && COMPLEMENT.test(words.at(-1)!));
  const isDenied = (at: number): boolean => takes(at) || (HOLDS.test(words[at]!) && isNear(at));
  const denials = words.filter((word, at) => {
    if (takes(at)) return true;
    if (!NOT.test(word) || NOT_ONLY.test(words[at + 1] ?? "")) return false;
    return words.slice(at + 1, at + 1 + NEAR.held).some((_, offset) => isDenied(at + 1 + offset));
  });
  return denials.length % 2 === 1;
}

/** Words before a quotation in its clause; where there are none, those of the clause before and the mark between. */
function clauseBefore(sentence: string, count: number): { words: string[]; mark: string } {
  const earlier: string[] = [];
  let last: string[] = [];
  let mark = "";
  for (const [at, piece] of sentence.split(MARK).entries()) {
    const words = at % 2 === 0 ? wordsOf(piece) : [];
    if (at % 2 === 1) mark = piece.trim();
    else if (earlier.length + words.length > count) {
      const clause = words.slice(0, count - earlier.length);
      if (clause.length === 0) return { words: last, mark };
      // "It is false, they say, that".
      return { words: clause.join() === "that" ? [...earlier, ...clause] : clause, mark: "" };
    }
    if (words.length > 0) last = words;
    earlier.push(...words);
  }
  return { words: last, mark };
}
