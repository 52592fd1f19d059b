import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { putInPlace, writeWhole } from "../../base/atomic.ts";
import { answerText, type TextForm } from "../answer-text.ts";
import { identifier, literal } from "../views/view.ts";
import { STORED, VIEWS } from "../views/views.ts";
import type { Warehouse } from "../warehouse.ts";
import { aloneIn } from "./alone.ts";
import { refuseOthers } from "./others.ts";
import type { Exported } from "./parquet.ts";
import { writeSchema } from "./schema.ts";

/**
 * Writes every view as one file of text, in the place of one that is there.
 * @throws Failure `query.other-export` where that holds other events
 */
export async function exportText(
  warehouse: Warehouse,
  folder: string,
  form: Extract<TextForm, "csv" | "jsonl">,
): Promise<Exported[]> {
  return await aloneIn(folder, async (work) => {
    await refuseOthers(warehouse, folder, form);
    const done: Exported[] = [];
    for (const { name, columns } of VIEWS) {
      const file = `${name}.${form}`;
      const order = ["run", "sequence", "uid", "position", "column_name"].filter(
        (column) => column in columns,
      );
      const answer = await warehouse.stream(`SELECT * FROM ${name} ORDER BY ${order.join(", ")}`);
      const fd = openSync(join(work, file), "wx", 0o644);
      try {
        for await (const text of answerText(answer, form)) writeWhole(fd, text);
      } finally {
        closeSync(fd);
      }
      putInPlace(join(work, file), join(folder, file));
      const [count] = await warehouse.rows(`SELECT count(*) AS rows FROM ${name}`);
      done.push({ view: name, files: 1, rows: Number(count?.rows) });
    }
    writeSchema(
      folder,
      VIEWS,
      `One file of ${form === "csv" ? "CSV" : "JSON lines"} for each view; types are those of DuckDB, lists and maps stand as JSON, and NaN as null. Read back, ${STORED.map(({ name }) => name).join(" and ")} tell everything; the others are made of them.`,
    );
    return done;
  });
}

/**
 * Writes every view as a table of a database of DuckDB, in the place of one that is there.
 * @throws Failure `query.other-export` where that holds other events
 */
export async function exportDatabase(warehouse: Warehouse, folder: string): Promise<Exported[]> {
  return await aloneIn(folder, async (work) => {
    await refuseOthers(warehouse, folder, "duckdb");
    const file = "events.duckdb";
    await warehouse.run(`ATTACH ${literal(join(work, file))} AS exported`);
    const done: Exported[] = [];
    for (const { name, columns } of VIEWS) {
      await warehouse.run(`CREATE TABLE exported.${name} AS SELECT * FROM ${name}`);
      for (const [column, { unit, doc }] of Object.entries(columns))
        await warehouse.run(
          `COMMENT ON COLUMN exported.${name}.${identifier(column)} IS ${literal(unit === undefined ? doc : `${doc} (${unit})`)}`,
        );
      const [count] = await warehouse.rows(`SELECT count(*) AS rows FROM exported.${name}`);
      done.push({ view: name, files: 1, rows: Number(count?.rows) });
    }
    await warehouse.run("DETACH exported");
    putInPlace(join(work, file), join(folder, file));
    return done;
  });
}
