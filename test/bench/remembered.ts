import { Database } from "bun:sqlite";
import { deserialize, serialize } from "node:v8";
import type { ReadText } from "../../src/inference/embedding-cache.ts";
import type { TemplatePart } from "../../src/inference/graph/tokens.ts";
import type { ClassifierInput, Continuation } from "../../src/inference/protocol.ts";
import type { ServedModels } from "../../src/rewards/served.ts";

/** What numbers came of: a model of a profile, and what was asked of it. */
type Origin = (model: string) => string;

/**
 * Numbers of models by what was asked of them, in a file or in memory. A file is good for one version of the program: what it
 * makes of a text before a model reads it is not in the keys.
 */
export class Remembered {
  readonly #database: Database;

  /** @param path of a file that is made where there is none; in memory when left out */
  constructor(path = ":memory:") {
    this.#database = new Database(path);
    this.#database.run("PRAGMA journal_mode = WAL");
    this.#database.run("CREATE TABLE IF NOT EXISTS numbers (key TEXT PRIMARY KEY, value BLOB NOT NULL)");
  }

  close(): void {
    this.#database.close();
  }

  /**
   * Asks `compute` for what is not known, all of it in one batch, each input once.
   * @returns one result per input, in their order
   */
  async through<I, O>(
    about: string,
    inputs: readonly I[],
    compute: (missing: I[]) => Promise<O[]>,
  ): Promise<O[]> {
    const keys = inputs.map((input) => keyOf(about, input));
    const known = new Map<string, O>();
    const read = this.#database.query<{ value: Uint8Array }, [string]>(
      "SELECT value FROM numbers WHERE key = ?",
    );
    const missing = new Map<string, I>();
    for (const [at, key] of keys.entries()) {
      if (known.has(key) || missing.has(key)) continue;
      const row = read.get(key);
      if (row === null) missing.set(key, inputs[at]!);
      else known.set(key, deserialize(row.value) as O);
    }
    if (missing.size > 0) {
      const computed = await compute([...missing.values()]);
      if (computed.length !== missing.size)
        throw new Error(`${computed.length} results for ${missing.size} inputs of ${about}`);
      const write = this.#database.query("INSERT OR REPLACE INTO numbers VALUES (?, ?)");
      this.#database.transaction(() => {
        for (const [at, key] of [...missing.keys()].entries()) {
          known.set(key, computed[at]!);
          write.run(key, serialize(computed[at]));
        }
      })();
    }
    return keys.map((key) => known.get(key)!);
  }
}

function keyOf(about: string, input: unknown): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([about, input])).digest("base64");
}

/**
 * Models that are asked the same thing once: by several pipelines, profiles and runs of a bench.
 * @param originOf what makes a model's numbers what they are: its weights and their form
 */
export function rememberedModels(
  served: ServedModels,
  remembered: Remembered,
  originOf: Origin,
): ServedModels {
  return {
    read: (model, texts) =>
      remembered.through<string, ReadText>(`read ${originOf(model)}`, texts, (missing) =>
        served.read(model, missing),
      ),
    classify: (model, inputs) =>
      remembered.through<ClassifierInput, Float32Array[]>(`classify ${originOf(model)}`, inputs, (missing) =>
        served.classify(model, missing),
      ),
    logProb: (model, pairs, penalty) =>
      remembered.through<Continuation, number>(`log-prob ${penalty} ${originOf(model)}`, pairs, (missing) =>
        served.logProb(model, missing, penalty),
      ),
    digitScores: (model, prompts) =>
      remembered.through<TemplatePart[], Float32Array>(`digits ${originOf(model)}`, prompts, (missing) =>
        served.digitScores(model, missing),
      ),
  };
}
