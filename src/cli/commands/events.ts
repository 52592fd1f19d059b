import { exportDatabase, exportText } from "../../analysis/export/files.ts";
import { type Exported, exportParquet, sparkLines } from "../../analysis/export/parquet.ts";
import type { Warehouse } from "../../analysis/warehouse.ts";
import { Failure } from "../../base/error.ts";
import { inFolder } from "../../base/in-folder.ts";
import { EXPORT_OPTIONS, type ExportFormat } from "../../config/analysis-options.ts";
import { loadConfiguration } from "../../config/load.ts";
import { expandPath } from "../../config/paths.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { refuseIdleFlags } from "../idle-flags.ts";
import { openEvents } from "../open-events.ts";
import { renderTable } from "../table.ts";

export type ExportCode = "query.needs-folder";

const EXPORTS: Record<ExportFormat, (warehouse: Warehouse, folder: string) => Promise<Exported[]>> = {
  parquet: exportParquet,
  csv: (warehouse, folder) => exportText(warehouse, folder, "csv"),
  jsonl: (warehouse, folder) => exportText(warehouse, folder, "jsonl"),
  duckdb: exportDatabase,
};

/** Writes events as files that other programs read. */
export async function exportEvents(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(EXPORT_OPTIONS, sourcesOf(context));
  if (settings.out === undefined)
    throw new Failure<ExportCode>("query.needs-folder", {
      message: "no folder was named for the files",
      hint: "name one with --out; it is made if it is not there",
    });
  const folder = expandPath(settings.out);
  if (context.flags.spark === "true") {
    refuseIdleFlags(context, [
      ["spark", settings.to !== "parquet", `beside --to ${settings.to}: Spark loads the folder of Parquet`],
      [
        "spark",
        (context.words ?? []).length > 0,
        "where a source is named: it prints lines and exports nothing",
      ],
    ]);
    context.print(sparkLines(folder));
    return EXIT.ok;
  }
  const done = await inFolder(folder, async () => {
    const opened = await openEvents(context, context.words ?? [], {
      keeps: true,
      writable: [folder],
      outputs: { folders: [folder] },
    });
    try {
      return await EXPORTS[settings.to](opened.warehouse, folder);
    } finally {
      opened.close();
    }
  });
  const rows = done.map(({ view, files, rows }) => [view, rows, files]);
  context.print(renderTable(["view", settings.to === "parquet" ? "new rows" : "rows", "files"], rows));
  return EXIT.ok;
}
