import { rmSync } from "node:fs";
import { stopped } from "../question.ts";
import { literal } from "../views/view.ts";
import type { Warehouse } from "../warehouse.ts";
import { LineFile } from "./line-file.ts";
import { NearIndex } from "./minhash.ts";
import { LAID, type Window } from "./pieces.ts";
import type { Recipe } from "./recipe.ts";
import type { Grain } from "./rows.ts";

/** Examples that are left out since others say the same. */
export interface Repeats {
  duplicate: number;
  near: number;
}

/**
 * Chooses the rows of `kept` that become examples: the table `picked` with `id` and, of a pair, `rejected`. Of rows that
 * say the same the first one stays.
 * @param windows see `windowsOf`: of whole steps, so that a pair is within one
 * @param folder where lists may lie for a moment
 */
export async function pickExamples(
  warehouse: Warehouse,
  recipe: Recipe,
  {
    grain,
    windows,
    folder,
    signal,
  }: { grain: Grain; windows: readonly Window[]; folder: string; signal: AbortSignal },
): Promise<Repeats> {
  const isPairs = recipe.format === "dpo-pairs";
  const said = recipe.dedupe === "off" ? "" : `, ${saidSql(isPairs)} AS said`;
  if (isPairs) {
    await warehouse.run(
      `CREATE OR REPLACE TEMP TABLE picked (id BIGINT, rejected BIGINT${said === "" ? "" : ", said UHUGEINT"})`,
    );
    for (const window of windows) {
      await window.lay();
      const rows = `(SELECT * FROM ${LAID} WHERE ${window.holds("id")} AND reason IS NULL)`;
      await warehouse.run(`INSERT INTO picked ${pairsSql(recipe, rows, said)}`);
    }
  } else
    await warehouse.run(
      `CREATE OR REPLACE TEMP TABLE picked AS SELECT id, NULL::BIGINT AS rejected ${said} FROM kept AS c WHERE reason IS NULL`,
    );
  const repeats: Repeats = { duplicate: 0, near: 0 };
  if (recipe.dedupe === "off") return repeats;
  const all = await countPicked(warehouse);
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE picked AS
    SELECT id, rejected FROM picked QUALIFY row_number() OVER (PARTITION BY said ORDER BY id, rejected) = 1`);
  const distinct = await countPicked(warehouse);
  repeats.duplicate = all - distinct;
  if (recipe.dedupe === "exact") return repeats;
  await dropNear(warehouse, recipe, grain === "answers" && !isPairs, windows, `${folder}/.near`, signal);
  repeats.near = distinct - (await countPicked(warehouse));
  return repeats;
}

/** What an example says, by MD5s, in 16 bytes: what is sorted and compared in place of its texts. */
function saidSql(isPairs: boolean): string {
  return `md5_number(md5(c.prompt) || md5(c.completion) || ${isPairs ? "md5(r.completion)" : "''"})`;
}

/**
 * The best answer of a step with its worst, the second best with the second worst, … while their rewards are apart by the
 * margin; equal rewards stand in the order of the step.
 */
function pairsSql({ margin, pairs }: Recipe, rows: string, said: string): string {
  return `WITH ranked AS (
      SELECT id, run, sequence, reward, prompt, completion,
        row_number() OVER (PARTITION BY run, sequence ORDER BY reward DESC, id) AS best,
        row_number() OVER (PARTITION BY run, sequence ORDER BY reward, id DESC) AS worst
      FROM ${rows} WHERE reward IS NOT NULL
    )
    SELECT c.id, r.id AS rejected ${said} FROM ranked AS c
      JOIN ranked AS r ON r.run = c.run AND r.sequence = c.sequence AND r.worst = c.best
    WHERE c.best <= ${pairs} AND c.reward - r.reward >= ${margin} AND c.completion <> r.completion`;
}

/** @param isWithinStep whether only the answers to one question are compared with each other */
async function dropNear(
  warehouse: Warehouse,
  { near }: Recipe,
  isWithinStep: boolean,
  windows: readonly Window[],
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const list = new LineFile(path);
  let index = new NearIndex(near);
  let step = "";
  try {
    for (const window of windows) {
      await window.lay();
      const { chunks } = await warehouse.stream(
        `SELECT p.id, p.rejected, k.run || ':' || k.sequence, k.completion
         FROM picked AS p JOIN ${LAID} AS k ON k.id = p.id
         WHERE ${window.holds("p.id")} AND ${window.holds("k.id")} ORDER BY p.id, p.rejected`,
      );
      for await (const rows of chunks) {
        if (signal.aborted) throw stopped();
        for (const [id, rejected, key, completion] of rows as [number, number | null, string, string][]) {
          if (isWithinStep && key !== step) {
            index = new NearIndex(near);
            step = key;
          }
          if (index.isRepeated(completion)) list.write(`${JSON.stringify({ id, rejected })}\n`);
        }
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
