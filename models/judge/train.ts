/**
 * Makes the word-order probe of the embedded encoder and prints it as it stands in the manifest; the same bytes each time.
 *
 *   bun models/judge/train.ts PYTHON_HTML RUST_BOOK_HTML POSTGRES_HTML > probe.json
 *
 * The folders hold the pages of the documentation that ../README.md names, section The judge.
 */
import { readFileSync } from "node:fs";
import { type Random, seededRandom } from "../../src/localnet/miners/random.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { piecesAtStops } from "../../src/prompts/sentences.ts";
import { CORRUPTIONS, natural, type Placed, shuffle } from "./corruptions.ts";
import { fitLogistic } from "./logistic-regression.ts";
import { paragraphsOf } from "./paragraphs.ts";
import { readWordStates } from "./word-states.ts";

const STATES = "layer2.out";
const WIDTH = 384;
const PIECES = 5400;
/** Of each source, of all pieces. */
const SHARES = { passages: 0.4, python: 0.25, rust: 0.2, postgres: 0.15 } as const;
/** Left as they are, beside one of each corruption. */
const NATURAL = 3;
const WORDS = { least: 5, most: 120 } as const;
const PENALTY = 1e-4;
const DIGITS = 6;

const folders = process.argv.slice(2);
if (folders.length !== 3) {
  process.stderr.write("usage: bun models/judge/train.ts PYTHON_HTML RUST_BOOK_HTML POSTGRES_HTML\n");
  process.exit(64);
}
const [python, rust, postgres] = folders.map((folder) => paragraphsOf(folder!)) as [
  string[],
  string[],
  string[],
];
const random = seededRandom(1);
const texts = Object.entries({ passages: trainingPassages(), python, rust, postgres }).flatMap(
  ([name, paragraphs]) => drawPieces(paragraphs, PIECES * SHARES[name as keyof typeof SHARES], random),
);
process.stdout.write(`${JSON.stringify(await trainProbe(texts, random))}\n`);

/** Nine of thirteen; the others are kept to measure with. */
function trainingPassages(): string[] {
  const file = new URL("../../src/prompts/sample/passages.jsonl", import.meta.url);
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .filter((_, at) => at % 13 < 9)
    .map((line): string => JSON.parse(line).text);
}

/** One to four sentences in a row of texts in turn. */
function drawPieces(paragraphs: readonly string[], count: number, draw: Random): string[] {
  if (paragraphs.length === 0) throw new Error("a folder holds no page with prose in it");
  const order = shuffle(paragraphs, draw);
  const pieces: string[] = [];
  for (let at = 0; pieces.length < count; at++) {
    const sentences = piecesAtStops(order[at % order.length]!);
    const size = 1 + Math.floor(draw() * 4);
    const from = Math.floor(draw() * Math.max(1, sentences.length - size + 1));
    const piece = sentences.slice(from, from + size).join(" ");
    const words = piece.split(" ").length;
    if (words >= WORDS.least && words <= WORDS.most) pieces.push(piece);
  }
  return pieces;
}

function corrupt(text: string, others: readonly string[], draw: Random): Placed[] {
  const words = text.split(" ");
  const other = others[Math.floor(draw() * others.length)]!.split(" ");
  const kind = Math.floor(draw() * (CORRUPTIONS.length + NATURAL)) - NATURAL;
  return (CORRUPTIONS[kind] ?? natural)(words, draw, other);
}

async function trainProbe(
  pieces: readonly string[],
  draw: Random,
): Promise<{ states: string; weights: number[]; bias: number }> {
  const placed = pieces.map((text) => corrupt(text, pieces, draw));
  const { rows, labels } = await readWordStates(placed, {
    model: EMBEDDED_MODEL,
    tensor: STATES,
    width: WIDTH,
  });
  const { mean, deviation } = standardise(rows);
  const fit = fitLogistic(rows, labels, WIDTH, PENALTY);
  const weights = [...fit.weights].map((weight, at) => weight / deviation[at]!);
  const bias = weights.reduce((sum, weight, at) => sum - weight * mean[at]!, fit.bias);
  return { states: STATES, weights: weights.map(rounded), bias: rounded(bias) };
}

/** Scales each column to mean 0 and variance 1, in place. */
function standardise(rows: Float32Array): { mean: Float64Array; deviation: Float64Array } {
  const mean = new Float64Array(WIDTH);
  const deviation = new Float64Array(WIDTH);
  const count = rows.length / WIDTH;
  for (const [at, value] of rows.entries()) {
    mean[at % WIDTH]! += value / count;
    deviation[at % WIDTH]! += value ** 2 / count;
  }
  for (let at = 0; at < WIDTH; at++) deviation[at] = Math.sqrt(deviation[at]! - mean[at]! ** 2);
  for (let at = 0; at < rows.length; at++)
    rows[at] = (rows[at]! - mean[at % WIDTH]!) / deviation[at % WIDTH]!;
  return { mean, deviation };
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
