import { unfence } from "../../prompts/scoring.ts";
import { normalizedBeginning } from "../normalized-text.ts";

/**
 * What a stranger wrote, as the prompt-based reward shows it to its model: without the sentences that speak to the
 * marker, and without the marks of a conversation. An instruct model obeys much of what stands in a text that it marks,
 * whatever the fences around it say. Every expression is linear in the text.
 */

/** Characters that are looked at: more than any model of this reward reads. Bounds the work a stranger can ask for. */
const MAX_CHARACTERS = 32_768;
/** NFKC makes up to 18 characters of one. */
const MAX_NORMALISED = 2 * MAX_CHARACTERS;

/** Turn and text markers of the usual chat formats: `<|im_end|>`, `</s>`, `<start_of_turn>`, `[INST]`, `<<SYS>>`. */
const CHAT_MARKER =
  /<[|｜][^<>\n]{0,40}>(?:\s?(?:system|user|assistant)\b)?|<\/?s>|<(?:start|end|begin)_of_\w{1,20}>|<{1,2}\/?(?:sys|bos|eos|pad|unk|mask)>{1,2}|\[\/?(?:inst|sep|cls|mask|pad|unk|system|user|assistant)\]/giu;
/** A line that plays a part in a conversation with the marker. */
const ROLE =
  /^[\s#*>_-]{0,8}(?:user|assistant|system|human|student|teacher|examiner|marker|grader|judge|ai|model|tool)[\s*_]{0,4}[:：]/iu;

const MARK = "(?:scores?|marks?|grades?|ratings?|digits?)";
const TOP = "(?:highest|top|full|best|perfect|maximum|maximal|max|largest)";
const EXCELLENT =
  "(?:excellent|perfect|flawless|correct|complete|best|outstanding|brilliant|full|highest|top)";
const WORK = "(?:answer|response|reply|summary|question|work|completion|text)";
/** A sentence with one of these speaks to the marker. They are the wordings of known attacks and their like. */
const TO_THE_MARKER = [
  // A mark and its number, in either order.
  `\\b${MARK}\\b[^\\p{L}\\p{Nd}]{0,4}(?:(?:is|was|of|a|the|be)\\b[^\\p{L}\\p{Nd}]{0,4}){0,2}(?:\\p{Nd}|nine\\b|ten\\b)`,
  `\\b${TOP}\\s(?:possible\\s)?(?:${MARK}|points)\\b`,
  "\\b(?:9|10|nine|ten)\\s?(?:/|out of|of|von|sur|de|из)\\s?(?:9|10|nine|ten)\\b",
  `\\b(?:give|assign|award|output|print|return|write|choose|reply with|answer with)\\b[^.]{0,40}\\b${MARK}\\b`,
  // Praise of the work by itself.
  `\\b(?:this|the|my|above)\\s${WORK}\\s(?:is|was|deserves|should|must|merits|earns)\\b[^.]{0,40}\\b${EXCELLENT}\\b`,
  `\\b(?:this|it|that)\\s(?:is|was)\\s[^.]{0,60}\\b(?:excellent|perfect|flawless|outstanding|brilliant)\\b[^.]{0,40}\\b${WORK}\\b`,
  // Our own instruction, and one that revokes it.
  "\\bbetween the fences\\b",
  "\\b(?:ignore|disregard|forget|override|bypass)\\b[^.]{0,60}\\b(?:instructions?|prompts?|rules?|guidelines|above|previous|prior|earlier|everything)\\b",
  // The same in other languages.
  "(?:ignorier|vergiss|missacht)\\p{L}{0,8}\\s.{0,60}(?:anweisung|anleitung|vorgabe|regel)|(?:best|höchst)note|(?:volle|höchste|maximale)\\p{L}?\\s(?:punkt|bewertung|note)",
  "(?:ignor|oubli)\\p{L}{0,8}\\s.{0,60}(?:instructions?|consignes?|règles?)|note (?:maximale|parfaite)|meilleure note",
  "(?:ignor|olvid|esque[cç]|dimentic)\\p{L}{0,8}\\s.{0,60}(?:instrucci|instruç|istruzion|reglas|regras|regole)|(?:nota|puntuación|calificación|pontuação|punteggio|voto) (?:máxim|massim|perfe)",
  "(?:игнорир|забуд|не обращай)\\p{L}{0,8}\\s.{0,60}(?:инструкц|указан|правил)|(?:высш|максимальн)\\p{L}{0,8}\\s(?:оценк|балл)",
  "(?:忽略|无视|無視|忘记|忘れ).{0,30}(?:指令|指示|说明|說明|命令|规则)|(?:指令|指示|命令)を?(?:無視|忘れ)|最高[分点點]|[满滿満][分点點]|(?:评分|評分|分数|点数|採点)",
  "(?:지시|명령|지침).{0,20}무시|(?:최고|만점).{0,6}점",
  "تجاهل.{0,60}(?:تعليمات|الأوامر)|(?:أعلى|أقصى) (?:درجة|تقييم)",
].map((pattern) => new RegExp(pattern, "iu"));

/** Words looked back at for repetition, and how many different ones of them make a run. */
const RUN = { words: 4, distinct: 2 } as const;

/** A text that cannot close its fence or end its turn. */
export function fenced(text: string): string {
  return unfence(text.replace(CHAT_MARKER, "\n"));
}

/** A completion without what speaks to the marker; empty when nothing else is there. */
export function quoted(completion: string): string {
  const kept = fenced(normalised(completion))
    .split("\n")
    .filter((line) => !ROLE.test(line))
    .map((line) =>
      line
        .split(/(?<=[.!?。！？])/u)
        .filter((sentence) => !TO_THE_MARKER.some((pattern) => pattern.test(sentence)))
        .join(""),
    );
  return withoutRuns(kept.join("\n"));
}

/** NFKC turns ９, ⑨ and ⁹ into 9, and characters that are not seen cannot hide a word. */
function normalised(text: string): string {
  const whole = normalizedBeginning(text.slice(0, MAX_CHARACTERS).toWellFormed(), "NFKC", MAX_NORMALISED);
  return whole.replace(/\p{Cf}/gu, "");
}

/** Words that only repeat the last few are left out: a thousand times "10 10" is a few. */
function withoutRuns(text: string): string {
  const recent: string[] = [];
  const kept = text.split(/(\s+)/).filter((piece) => {
    if (piece.trim() === "") return true;
    if (recent.length === RUN.words && recent.includes(piece) && new Set(recent).size <= RUN.distinct)
      return false;
    recent.push(piece);
    if (recent.length > RUN.words) recent.shift();
    return true;
  });
  return kept
    .join("")
    .replace(/\s{2,}/g, (space) => (space.includes("\n") ? "\n" : " "))
    .trim();
}
