/** Sentences and words of prose, as miners read a prompt and as the judge reads what they make of it. Pure. */

// Words too common to tell sentences apart.
const COMMON = new Set(
  `a about after all also an and any are as at be because been before being between both but by can could did do does
  cannot down each even for from had has have he her here him his how i if in into is it its just like made many may me might more
  most much must my new no not now of off on one only or other our out over own said same shall she should so some such than that
  the their them then there these they this those through to too two under up upon us very was we were what when where
  which while who will with would you your`.split(/\s+/),
);

/**
 * Letters in a row, with what English puts behind an apostrophe. A hyphen parts words, as the encoder has it: hyphens between
 * a text's words do not make them words of one's own.
 */
const WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:'(?:[stdm]|ll|re|ve)(?![\p{L}\p{N}\p{M}]))?/gu;
/** What is read as an apostrophe. */
const APOSTROPHE = /[’‘‛ʼʹ`´′＇]/g;
/** Between the thousands of a number. */
const THOUSANDS = /(?<=\p{Nd}),(?=\p{Nd}{3}(?!\p{Nd}))/gu;

/** Scripts that put no spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const segmenter = new Intl.Segmenter("und", { granularity: "word" });

/**
 * Where a sentence ends: a stop, perhaps a closing mark, and what opens the next, which is no capital in scripts that have
 * none; or a full stop of those scripts, which a space need not follow.
 */
const SENTENCE_END =
  /(?<=[.!?؟۔]["”’)»]?) (?=["“‘(«¿¡]?[\p{Lu}\p{Lo}\p{N}])|(?<=[।॥]) |(?<=[。！？｡][」』”’）)]?)(?![」』”’）)]) ?/u;

/** An aside, which may be left out of its sentence. */
const BRACKETS = /(\([^()]*\)|\[[^[\]]*\])/;

/** What nobody sees in a text: control characters but white space, and what only tells how others are shown. */
const UNSEEN = /[^\P{C}\s]|\p{Default_Ignorable_Code_Point}/gu;
/** Beyond letters without marks, digits and the marks of plain prose. */
const MAY_HAVE_MARKS = /[^\0-\x7f‐-‧]/;
/** Accents and whatever else is put on letters that have none in English, and on digits. */
const MARKS = /(?<=[\p{Script=Latin}\p{N}])\p{M}+/gu;
/**
 * More marks than are put on a letter in any script (Unicode, annex 15, stream-safe text): to sort 16,000 of them takes
 * half a second.
 */
const PILED_MARKS = /(?<=\p{M}{30})\p{M}+/gu;
/** Letters and digits of another width or type face, and ligatures: an encoder takes them for words that it does not know. */
const DRESSED =
  /[\u2102\u210a-\u2113\u2115\u2119-\u211d\u2124\u2128\u212a\u212c\u212d\u212f-\u2131\u2133\u2134\u2139\u24b6-\u24e9\ufb00-\ufb06\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u{1d400}-\u{1d7ff}\u{1f130}-\u{1f149}]/gu;

/** A text as a reader sees it: without characters that are not shown, in plain letters. */
export function seenText(text: string): string {
  return text
    .replace(UNSEEN, "")
    .replace(PILED_MARKS, "")
    .replace(DRESSED, (letter) => letter.normalize("NFKC"));
}

/** Words of a text in lower case, and without accents where their letters are Latin ones, as the encoder reads them. */
export function wordsOf(text: string): string[] {
  const plain = MAY_HAVE_MARKS.test(text) ? withoutMarks(text) : text;
  const words = plain.toLowerCase().replace(APOSTROPHE, "'").replace(THOUSANDS, "").match(WORD) ?? [];
  return isUnspaced(text) ? words.flatMap(wordsWithin) : words;
}

function withoutMarks(text: string): string {
  return text.normalize("NFD").replace(MARKS, "").normalize("NFC");
}

/** Whether a text has words that only a dictionary can part. */
export function isUnspaced(text: string): boolean {
  return UNSPACED.test(text);
}

/** Words of letters in a row, where their script does not part them. */
function wordsWithin(letters: string): string[] {
  if (!isUnspaced(letters)) return [letters];
  return [...segmenter.segment(letters)].filter(({ isWordLike }) => isWordLike).map(({ segment }) => segment);
}

/** Those that carry meaning, of more than one letter. */
export function termsOf(text: string): string[] {
  return wordsOf(text).filter(isTerm);
}

/** For each word of a text, whether it stands in brackets. */
export function asidesOf(text: string): boolean[] {
  return text.split(BRACKETS).flatMap((piece) => wordsOf(piece).map(() => BRACKETS.test(piece)));
}

export function isTerm(word: string): boolean {
  return word.length > 1 && !COMMON.has(word);
}

/** What ends in a stop that ends no sentence: initials, and titles that stand before a name. */
const ABBREVIATION =
  /(?:^|[\s("“‘[/])(?:(?!I\.)\p{Lu}|Mrs?|Ms|Messrs|Drs?|Prof|Rev|Hon|Gen|Col|Capt|Lt|Sgt|Gov|Sen|Rep|St|Mt|vs|cf)\.$/u;

/** Sentences of a text, in which line breaks count as spaces. */
export function sentencesOf(text: string): string[] {
  const sentences: string[] = [];
  let open = "";
  for (const piece of piecesAtStops(text)) {
    open = open === "" ? piece : `${open} ${piece}`;
    if (ABBREVIATION.test(piece)) continue;
    sentences.push(open);
    open = "";
  }
  return open === "" ? sentences : [...sentences, open];
}

/** A text cut at every stop that looks like the end of a sentence, initials and abbreviations too. */
export function piecesAtStops(text: string): string[] {
  return text
    .replace(/\s+/g, " ")
    .trim()
    .split(SENTENCE_END)
    .filter((piece) => piece !== "");
}

/** Sentences of a prompt's text, without the questions that earlier steps added to it and the labels of their answers. */
export function sourceSentences(text: string): string[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("Question: "));
  return sentencesOf(lines.map((line) => line.replace(/^Answer: /, "")).join(" "));
}

/** Share of the words that stand in English prose for its grammar alone, from which on a text counts as English. */
const ENGLISH = 0.2;

/** Whether a text is English, by its commonest words; they are 35 to 55 % of prose and below 10 % of other languages. */
export function isEnglish(text: string): boolean {
  const words = wordsOf(text);
  return words.length > 0 && words.filter((word) => COMMON.has(word)).length / words.length >= ENGLISH;
}
