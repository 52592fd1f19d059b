import { rmSync } from "node:fs";
import { literal } from "../views/view.ts";
import type { Warehouse } from "../warehouse.ts";
import { LineFile } from "./line-file.ts";
import { NearIndex } from "./minhash.ts";
import type { Recipe } from "./recipe.ts";
import type { Grain } from "./rows.ts";

/** Examples that are left out since others say the same. */
export interface Repeats {
  duplicate: number;
  near: number;
}

/** A text by its MD5, in 16 bytes: what is sorted and compared in place of it. */
const ofText = (text: string): string => `md5_number(${text})`;

/**
 * Chooses the rows of `kept` that become examples: the table `picked` with `id` and, of a pair, `rejected`. Of rows that
 * say the same the first one stays.
 * @param folder where lists may lie for a moment
 */
export async function pickExamples(
  warehouse: Warehouse,
  recipe: Recipe,
  { grain, folder, signal }: { grain: Grain; folder: string; signal: AbortSignal },
): Promise<Repeats> {
  const isPairs = recipe.format === "dpo-pairs";
  await warehouse.run(
    `CREATE OR REPLACE TEMP TABLE picked AS ${
      isPairs ? pairsSql(recipe) : "SELECT id, NULL::BIGINT AS rejected FROM kept WHERE reason IS NULL"
    }`,
  );
  const repeats: Repeats = { duplicate: 0, near: 0 };
  if (recipe.dedupe === "off") return repeats;
  const all = await countPicked(warehouse);
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE picked AS
    SELECT p.id, p.rejected FROM picked AS p JOIN kept AS k ON k.id = p.id LEFT JOIN kept AS r ON r.id = p.rejected
    QUALIFY row_number() OVER (
      PARTITION BY ${ofText("k.prompt")}, ${ofText("k.completion")}, ${ofText("coalesce(r.completion, '')")}
      ORDER BY p.id, p.rejected
    ) = 1`);
  const distinct = await countPicked(warehouse);
  repeats.duplicate = all - distinct;
  if (recipe.dedupe === "exact") return repeats;
  await dropNear(warehouse, recipe, grain === "answers" && !isPairs, `${folder}/.near`, signal);
  repeats.near = distinct - (await countPicked(warehouse));
  return repeats;
}

/**
 * The best answer of a step with its worst, the second best with the second worst, … while their rewards are apart by the
 * margin; equal rewards stand in the order of the step.
 */
function pairsSql({ margin, pairs }: Recipe): string {
  return `WITH ranked AS (
      SELECT id, run, sequence, reward,
        row_number() OVER (PARTITION BY run, sequence ORDER BY reward DESC, id) AS best,
        row_number() OVER (PARTITION BY run, sequence ORDER BY reward, id DESC) AS worst
      FROM kept WHERE reason IS NULL AND reward IS NOT NULL
    )
    SELECT c.id, r.id AS rejected FROM ranked AS c
      JOIN ranked AS r ON r.run = c.run AND r.sequence = c.sequence AND r.worst = c.best
      JOIN kept AS chosen ON chosen.id = c.id JOIN kept AS rejected ON rejected.id = r.id
    WHERE c.best <= ${pairs} AND c.reward - r.reward >= ${margin} AND chosen.completion <> rejected.completion`;
}

/** @param isWithinStep whether only the answers to one question are compared with each other */
async function dropNear(
  warehouse: Warehouse,
  { near }: Recipe,
  isWithinStep: boolean,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const list = new LineFile(path);
  let index = new NearIndex(near);
  let step = "";
  try {
    const { chunks } = await warehouse.stream(
      `SELECT p.id, p.rejected, k.run || ':' || k.sequence, k.completion
       FROM picked AS p JOIN kept AS k ON k.id = p.id ORDER BY p.id, p.rejected`,
    );
    for await (const rows of chunks) {
      signal.throwIfAborted();
      for (const [id, rejected, key, completion] of rows as [number, number | null, string, string][]) {
        if (isWithinStep && key !== step) {
          index = new NearIndex(near);
          step = key;
        }
        if (index.isRepeated(completion)) list.write(`${JSON.stringify({ id, rejected })}\n`);
      }
    }
    list.end();
    await warehouse.run(`DELETE FROM picked AS p USING read_json(${literal(path)}, format='newline_delimited',
        columns={'id': 'BIGINT', 'rejected': 'BIGINT'}) AS d
      WHERE p.id = d.id AND p.rejected IS NOT DISTINCT FROM d.rejected`);
  } finally {
    rmSync(path, { force: true });
  }
}

async function countPicked(warehouse: Warehouse): Promise<number> {
  const [row] = await warehouse.rows("SELECT count(*) AS n FROM picked");
  return Number(row!.n);
}
