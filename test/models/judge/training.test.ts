import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  dropped,
  mosaic,
  natural,
  type Placed,
  shuffledRuns,
  swapped,
} from "../../../models/judge/corruptions.ts";
import { fitLogistic } from "../../../models/judge/logistic-regression.ts";
import { paragraphsOf } from "../../../models/judge/paragraphs.ts";
import manifest from "../../../models/manifests/all-minilm-l6-v2-embedded.json";
import { seededRandom } from "../../../src/localnet/miners/random.ts";
import { scratchFolders } from "../../scratch.ts";

const folder = scratchFolders("judge");
const words = Array.from({ length: 40 }, (_, at) => `w${at}`);
const wordsIn = (placed: readonly Placed[]): string[] => placed.map(({ word }) => word);

describe("text out of order", () => {
  test("is marked at each word whose neighbour is another one than before", () => {
    for (const corrupt of [natural, dropped(0.3), shuffledRuns(1), shuffledRuns(3), swapped]) {
      const placed = corrupt(words, seededRandom(3), words);
      for (const [at, { word, follows }] of placed.entries())
        expect(follows).toBe(at === 0 || Number(word.slice(1)) === Number(placed[at - 1]!.word.slice(1)) + 1);
    }
  });

  test("keeps all words, or drops a share of them", () => {
    expect(wordsIn(natural(words, seededRandom(1), []))).toEqual(words);
    const shuffled = wordsIn(shuffledRuns(2)(words, seededRandom(1), []));
    expect(shuffled).not.toEqual(words);
    expect(shuffled.toSorted()).toEqual(words.toSorted());
    const many = Array.from({ length: 2000 }, (_, at) => `w${at}`);
    expect(dropped(0.25)(many, seededRandom(1), []).length / many.length).toBeCloseTo(0.75, 1);
    const pieced = mosaic(words, seededRandom(1), ["x", "y", "z"]);
    expect(pieced.length).toBeGreaterThanOrEqual(words.length);
    expect(pieced.filter(({ follows }) => !follows).length).toBeGreaterThan(3);
  });
});

describe("a probe", () => {
  test("finds the weights that made the labels, and the same ones each time", () => {
    const random = seededRandom(9);
    const rows = Float32Array.from({ length: 3 * 4000 }, () => 2 * random() - 1);
    const labels = Uint8Array.from({ length: 4000 }, (_, row) => {
      const z = 2 * rows[3 * row]! - 3 * rows[3 * row + 1]! + 0.5;
      return random() < 1 / (1 + Math.exp(-z)) ? 1 : 0;
    });
    const { weights, bias } = fitLogistic(rows, labels, 3, 1e-6);
    expect(weights[0]).toBeWithin(1.7, 2.3);
    expect(weights[1]).toBeWithin(-3.4, -2.6);
    expect(weights[2]).toBeWithin(-0.25, 0.25);
    expect(bias).toBeWithin(0.35, 0.65);
    expect(fitLogistic(rows, labels, 3, 1e-6)).toEqual({ weights, bias });
    expect(Math.abs(fitLogistic(rows, labels, 3, 10).weights[1]!)).toBeLessThan(0.2);
  });
});

describe("prose of HTML pages", () => {
  test("is whole sentences of plain words, each paragraph once, in the order of the files", () => {
    const root = folder();
    mkdirSync(join(root, "b"));
    const prose = "The lock keeps two threads from writing to the same file at the same time.";
    writeFileSync(join(root, "b", "page.html"), `<p class="x">${prose}</p><p>${prose}</p><p>Too short.</p>`);
    writeFileSync(
      join(root, "a.html"),
      `<pre>${prose} One.</pre><p>A <em>name</em> isn&#8217;t bound &amp; kept\n until the block of code that uses it ends.</p>` +
        "<p>x = 1; y = 2; z[3] += 4; f(5) { return 6; } x = 7; g(8); h(9); i(10); j(11).</p>",
    );
    writeFileSync(join(root, "c.txt"), `<p>${prose} Two.</p>`);
    expect(paragraphsOf(root)).toEqual([
      "A name isn’t bound & kept until the block of code that uses it ends.",
      prose,
    ]);
  });
});

describe("the probe in the manifest", () => {
  test("is what models/judge/train.ts prints, to the byte", () => {
    const readme = readFileSync(new URL("../../../models/README.md", import.meta.url), "utf8");
    const [, told] = /bun models\/judge\/train\.ts .*\| sha256sum\n([0-9a-f]{64}) {2}-\n/.exec(readme)!;
    const { states, weights, bias } = manifest.embedding.order;
    const printed = `${JSON.stringify({ states, weights, bias })}\n`;
    expect(new Bun.CryptoHasher("sha256").update(printed).digest("hex")).toBe(told!);
  });
});
