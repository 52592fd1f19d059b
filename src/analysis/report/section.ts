/** How a cell is written, and what it is: prose is longer than a few words; shares of 0..1, seconds, milliseconds, milliseconds since 1970. */
export type Form =
  | "text"
  | "prose"
  | "key"
  | "uid"
  | "count"
  | "share"
  | "reward"
  | "seconds"
  | "ms"
  | "number"
  | "time"
  | "trend";

export interface Column {
  title: string;
  form: Form;
  /** Left out first where the width does not do, the highest first; 0 stays. */
  spare?: number;
  /** Of many answers it is near enough instead of exact. */
  isQuantile?: true;
}

/** A list of numbers is drawn as a small line (form `trend`). */
export type Cell = string | number | null | readonly (number | null)[];

export interface Table {
  title: string;
  columns: readonly Column[];
  rows: readonly (readonly Cell[])[];
}

/** A line over time: [milliseconds since 1970, value]. */
export interface Series {
  name: string;
  points: readonly (readonly [number, number | null])[];
}

export type Chart = { id: string; title: string; form: Form } & (
  | { kind: "lines"; series: readonly Series[]; isStacked?: boolean }
  | { kind: "bars"; names: readonly string[]; values: readonly (number | null)[]; axis: string }
  | { kind: "matrix"; names: readonly string[]; values: readonly (readonly (number | null)[])[] }
);

/** One question with its answer, told alike on a terminal and in a report. */
export interface Section {
  id: string;
  title: string;
  /** What is to be seen, one or two sentences. */
  words: string;
  charts: readonly Chart[];
  tables: readonly Table[];
}

const MINUS = "–";

/** A cell as people read it; a trend is drawn elsewhere. */
export function cellText(cell: Cell, form: Form): string {
  if (cell === null) return MINUS;
  if (typeof cell === "string") return cell;
  if (typeof cell !== "number") return "";
  if (!Number.isFinite(cell)) return MINUS;
  switch (form) {
    case "count":
      return cell.toLocaleString("en", { maximumFractionDigits: 0 });
    case "share":
      return `${(cell * 100).toFixed(cell > 0 && cell < 0.1 ? 1 : 0)} %`;
    case "reward":
      return cell.toFixed(4);
    case "seconds":
      return `${cell.toFixed(2)} s`;
    case "ms":
      return cell >= 10_000
        ? `${(cell / 1000).toFixed(1)} s`
        : `${cell.toFixed(cell > 0 && cell < 10 ? 1 : 0)} ms`;
    case "time":
      return new Date(cell).toISOString().slice(0, 16).replace("T", " ");
    case "number":
      return Number(cell.toPrecision(4)).toString();
    default:
      return String(cell);
  }
}

/** Whether cells of a form stand to the right. */
export function isNumeric(form: Form): boolean {
  return form !== "text" && form !== "prose" && form !== "key" && form !== "trend" && form !== "time";
}

const BLOCKS = "▁▂▃▄▅▆▇█";

/** A line of blocks, one for each value; a space where there is none. */
export function sparkline(values: readonly (number | null)[]): string {
  const numbers = values.filter((value) => value !== null && Number.isFinite(value)) as number[];
  const low = Math.min(...numbers);
  const range = Math.max(...numbers) - low;
  return values
    .map((value) => {
      if (value === null || !Number.isFinite(value)) return " ";
      return range > 0 ? BLOCKS[Math.round(((value - low) / range) * (BLOCKS.length - 1))]! : BLOCKS[3]!;
    })
    .join("");
}
