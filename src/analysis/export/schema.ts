import { join } from "node:path";
import { writeFileAtomic } from "../../base/atomic.ts";
import type { View } from "../views/view.ts";

const MODE = 0o644;

/** Writes beside exported files what their columns are, for who gets the folder and not the program. */
export function writeSchema(folder: string, views: readonly View[], about: string): void {
  writeFileAtomic(
    join(folder, "SCHEMA.md"),
    `# Events of openvalidator\n\n${about}\n${views.map(section).join("")}`,
    MODE,
  );
}

function section({ name, doc, columns }: View): string {
  const rows = Object.entries(columns).map(
    ([column, { type, unit, doc }]) => `| ${column} | ${type} | ${unit ?? ""} | ${doc} |\n`,
  );
  return `\n## ${name}\n\n${doc}\n\n| Column | Type | Unit | What it is |\n| --- | --- | --- | --- |\n${rows.join("")}`;
}
