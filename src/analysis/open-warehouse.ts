import { openSources, type SourceOptions } from "./sources/open.ts";
import type { SourceReport } from "./sources/source.ts";
import { Warehouse, type WarehouseOptions } from "./warehouse.ts";

/** A warehouse of everything that words name, and what that was. */
export interface Opened {
  warehouse: Warehouse;
  reports: SourceReport[];
  close(): void;
}

/**
 * Finds what the words of a user name and makes it a warehouse.
 * @throws Failure `sources.*`, `query.stopped`, and what the system says
 */
export async function openWarehouse(options: SourceOptions & WarehouseOptions): Promise<Opened> {
  const { files, reports, close } = await openSources(options);
  try {
    const warehouse = await Warehouse.open(files, options);
    const damaged = new Map(warehouse.reading.damaged.map(({ path, why }) => [path, why]));
    for (const report of reports) report.note ??= damaged.get(report.path);
    return {
      warehouse,
      reports,
      close() {
        warehouse.close();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}
