import { createConsola } from "consola";
import { messageOf } from "./error.ts";
import { LogFile, type LogFileOptions } from "./log-file.ts";
import { wantsColour } from "./terminal.ts";
import { printable, wordLines } from "./text.ts";
import { hideUrls } from "./url.ts";

export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";
export type LogFormat = "auto" | "pretty" | "plain" | "json";
/** Facts of a log line. Errors are reduced to their message and code. */
export type LogFields = Record<string, unknown>;

const LEVELS: Record<LogLevel, number> = { error: 0, warn: 1, info: 3, debug: 4, trace: 5 };
/** sd-daemon(3) priorities. */
const PRIORITY: Record<LogLevel, number> = { error: 3, warn: 4, info: 6, debug: 7, trace: 7 };
const COLOUR: Record<LogLevel, string> = { error: "31", warn: "33", info: "36", debug: "90", trace: "90" };

/** Of the clock and the level before a pretty line. */
const HEAD_WIDTH = 8 + 1 + 5 + 1;

export interface LogOptions {
  level: LogLevel;
  format: LogFormat;
  /** Where lines go; standard error unless a test asks otherwise, so that standard output stays machine-readable. */
  write?: (line: string) => void;
  /** Characters of a line of the terminal, for the pretty form; standard error's own where absent. */
  columns?: number | undefined;
  /** A file that gets every line as well, in the plain form or as JSON; none when absent. */
  file?: LogFileOptions | undefined;
}

let file: LogFile | undefined;
let current: Omit<LogOptions, "file"> & { write: (line: string) => void } = {
  level: "info",
  format: "auto",
  write: (line) => process.stderr.write(line),
};

function fieldValue(value: unknown): unknown {
  if (value instanceof Error) {
    const message = messageOf(value);
    return "code" in value ? `${message} [${String(value.code)}]` : message;
  }
  if (typeof value === "string") return hideUrls(value);
  // Who makes a URL of it knows that it holds no secret: the address of a public page, whose id looks like a key.
  if (value instanceof URL) return value.href;
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isInteger(value)) return Number(value.toPrecision(6));
  // Also what lies deeper: a list of addresses, the error of each endpoint.
  if (Array.isArray(value)) return value.map(fieldValue);
  if (isPlain(value))
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fieldValue(part)]));
  return value;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function formatFields(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, raw]) => {
      const value = fieldValue(raw);
      const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
      return `${name}=${printable(/[\s"=]/.test(text) && typeof value === "string" ? JSON.stringify(text) : text, 400)}`;
    })
    .join(" ");
}

type Form = "pretty" | "plain" | "json" | "journald";

function resolveFormat(format: LogFormat): Form {
  if (format !== "auto") return format;
  if (process.env.JOURNAL_STREAM) return "journald";
  return wantsColour(process.stderr) ? "pretty" : "plain";
}

function render(format: Form, now: Date, level: LogLevel, message: string, fields: LogFields): string {
  if (format === "json") {
    const plain = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, fieldValue(value)]),
    );
    return `${JSON.stringify({ time: now.toISOString(), level, message, ...plain })}\n`;
  }
  const tail = formatFields(fields);
  const body = tail ? `${message}  ${tail}` : message;
  if (format === "journald") return `<${PRIORITY[level]}>${body}\n`;
  if (format === "plain") return `${now.toISOString()} ${level.toUpperCase().padEnd(5)} ${body}\n`;
  const clock = now.toTimeString().slice(0, 8);
  const dim = (text: string): string => `\u001b[2m${text}\u001b[0m`;
  const head = `${dim(clock)} \u001b[${COLOUR[level]}m${level.padEnd(5)}\u001b[0m `;
  const room = (current.columns ?? process.stderr.columns ?? Number.POSITIVE_INFINITY) - HEAD_WIDTH;
  if (Bun.stringWidth(body) <= room) return `${head}${tail ? `${message}  ${dim(tail)}` : message}\n`;
  const lines = [...wordLines(message, room), ...(tail ? wordLines(tail, room).map(dim) : [])];
  return `${head}${lines.join(`\n${" ".repeat(HEAD_WIDTH)}`)}\n`;
}

// consola filters by level and calls the reporter; throttling is off because collapsed lines are lost to machines.
const consola = createConsola({
  level: 5,
  throttle: 0,
  reporters: [
    {
      log: ({ type, args }) => {
        const [message, fields] = args as [string, LogFields | undefined];
        const level = type as LogLevel;
        const now = new Date();
        current.write(render(resolveFormat(current.format), now, level, message, fields ?? {}));
        keep(level, now, message, fields ?? {});
      },
    },
  ],
});

/** Writes a line to the log file, where there is one. */
function keep(level: LogLevel, now: Date, message: string, fields: LogFields): void {
  const form = current.format === "json" ? "json" : "plain";
  const problem = file?.write(render(form, now, level, message, fields));
  if (problem === undefined) return;
  const told = "The log file cannot be written; its lines are left out until it can";
  current.write(render(resolveFormat(current.format), now, "error", told, { error: problem }));
}

/** @throws what the operating system says of a log file that cannot be opened */
export function configureLog({ file: wanted, ...options }: LogOptions): void {
  const opened = wanted === undefined ? undefined : new LogFile(wanted);
  file?.close();
  file = opened;
  current = { write: current.write, ...options };
  consola.level = LEVELS[options.level];
}

/** What a person was told without the log, for example why the program ends, for the log file alone. */
export function keepInLogFile(level: LogLevel, message: string): void {
  keep(level, new Date(), message, {});
}

/** Messages are constant; what varies goes into fields; a stranger's text never goes above debug. */
export const log = {
  error: (message: string, fields: LogFields = {}): void => consola.error(message, fields),
  warn: (message: string, fields: LogFields = {}): void => consola.warn(message, fields),
  info: (message: string, fields: LogFields = {}): void => consola.info(message, fields),
  debug: (message: string, fields: LogFields = {}): void => consola.debug(message, fields),
  trace: (message: string, fields: LogFields = {}): void => consola.trace(message, fields),
};
