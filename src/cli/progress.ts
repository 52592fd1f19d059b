import { canRedraw } from "../base/terminal.ts";

/** What of a terminal's stream is used. */
export interface ProgressOutput {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** Often enough to look alive. */
const REDRAW_MS = 100;
const BAR_CHARACTERS = 20;
/** Of a terminal that does not tell. */
const DEFAULT_COLUMNS = 80;
/** Back to the first column; the second part deletes what a longer line left behind. */
const REDRAW = "\r\u001b[K";

export interface ProgressDisplay {
  /** @param unit of what is counted; bytes unless given */
  onProgress(path: string, done: number, total: number, unit?: string): void;
  /** The last word: ends a line that is still growing, so that whatever is printed next begins its own. */
  end(): void;
}

/** Shows files that grow: a bar with the speed on a terminal, one line for each tenth elsewhere. */
export function showProgress(
  output: ProgressOutput,
  now: () => number = Date.now,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ProgressDisplay {
  return canRedraw(output, environment) ? showBar(output, now) : printTenths(output);
}

function showBar(output: ProgressOutput, now: () => number): ProgressDisplay {
  let current: { path: string; firstBytes: number; startedMs: number; lastBytes: number } | undefined;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let isOver = false;
  const endLine = (): void => {
    if (current !== undefined) output.write("\n");
    current = undefined;
    drawnMs = Number.NEGATIVE_INFINITY;
  };
  return {
    onProgress(path, bytes, totalBytes, unit) {
      if (isOver) return;
      if (current !== undefined && current.path !== path) endLine();
      // Bytes of an earlier pull were not fetched now, and a file that is begun anew starts its clock anew.
      if (current === undefined || bytes < current.lastBytes)
        current = { path, firstBytes: bytes, startedMs: now(), lastBytes: bytes };
      current.lastBytes = bytes;
      const isWhole = bytes >= totalBytes;
      if (!isWhole && now() - drawnMs < REDRAW_MS) return;
      drawnMs = now();
      const seconds = (now() - current.startedMs) / 1000;
      const speed = seconds > 0 ? (bytes - current.firstBytes) / seconds : 0;
      const line = barLine(
        path,
        { done: bytes, total: totalBytes, speed, unit },
        output.columns || DEFAULT_COLUMNS,
      );
      output.write(`${REDRAW}${line}`);
      if (isWhole) endLine();
    },
    end() {
      isOver = true;
      endLine();
    },
  };
}

interface Growth {
  done: number;
  total: number;
  /** Of bytes, in a second. */
  speed: number;
  unit: string | undefined;
}

/** A line that is shorter than the terminal is wide: the name gives way, from its front, since its end tells more. */
function barLine(path: string, { done, total, speed, unit }: Growth, columns: number): string {
  const percent = percentOf(done, total);
  const bar = "#".repeat(Math.floor((percent * BAR_CHARACTERS) / 100)).padEnd(BAR_CHARACTERS, ".");
  const whole = amountText(total, unit);
  const amount = unit === undefined ? bytesText(done).padStart(whole.length) : `${done}`;
  const rate = speed > 0 && unit === undefined ? `  ${bytesText(speed)}/s` : "";
  const rest = ` [${bar}] ${String(percent).padStart(3)} %  ${amount} of ${whole}${rate}`;
  const room = Math.max(0, columns - 1 - 2 - rest.length);
  const name = path.length <= room ? path : `…${path.slice(path.length - Math.max(0, room - 1))}`;
  return `  ${name}${rest}`.slice(0, columns - 1);
}

/** Bytes in their unit, or a count of something else. */
export function amountText(amount: number, unit: string | undefined): string {
  return unit === undefined ? bytesText(amount) : `${amount} ${unit}`;
}

function printTenths(output: ProgressOutput): ProgressDisplay {
  let last = "";
  return {
    onProgress(path, bytes, totalBytes, unit) {
      const percent = percentOf(bytes, totalBytes);
      const done = unit === undefined ? `${percent - (percent % 10)} %` : bytes;
      const line = `  ${path}: ${done} of ${amountText(totalBytes, unit)}\n`;
      if (line !== last) output.write(line);
      last = line;
    },
    end() {},
  };
}

function percentOf(bytes: number, totalBytes: number): number {
  return Math.floor((100 * bytes) / Math.max(1, totalBytes));
}

/** Decimal units, as the hub shows them. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${Math.floor(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 1)} GB`;
}

/** One line that tells how far a work is, on a terminal only. */
export function showCount(
  output: ProgressOutput,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  now: () => number = Date.now,
): { show(text: string, share: number): void; end(): void } {
  if (!canRedraw(output, environment)) return { show() {}, end() {} };
  let drawnMs = Number.NEGATIVE_INFINITY;
  let isOpen = false;
  return {
    show(text, share) {
      if (now() - drawnMs < REDRAW_MS) return;
      drawnMs = now();
      isOpen = true;
      const bar = "#".repeat(Math.floor((share || 0) * BAR_CHARACTERS)).padEnd(BAR_CHARACTERS, ".");
      output.write(`${REDRAW}${`  [${bar}] ${text}`.slice(0, (output.columns || DEFAULT_COLUMNS) - 1)}`);
    },
    end() {
      if (isOpen) output.write(REDRAW);
      isOpen = false;
    },
  };
}
