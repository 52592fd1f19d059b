import type { Written } from "./line-file.ts";
import type { PrivateCounts } from "./private-text.ts";
import type { Reason } from "./rows.ts";

export const SPLITS = ["train", "validation"] as const;
export type Split = (typeof SPLITS)[number];

export interface DatasetFile extends Written {
  name: string;
  split: Split;
  examples: number;
}

export interface SourceRun {
  run: string;
  netuid: number | null;
  hotkey: string | null;
  /** ISO 8601, of its first and last step here. */
  from: string;
  to: string;
  steps: number;
}

/** What a dataset holds and how it came about; `manifest.json`. */
export interface Manifest {
  recipe: Record<string, unknown>;
  /** Steps, or answers, that were looked at. */
  seen: number;
  leftOut: Partial<Record<Reason, number>>;
  /** Marks put in place of private data, in the rows that are kept. */
  replaced: PrivateCounts;
  /** Cells of CSV that begin with a mark, so that no spreadsheet takes them for a formula. */
  neutralised: number;
  files: DatasetFile[];
  runs: SourceRun[];
}
