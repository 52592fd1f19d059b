import { Failure } from "../base/error.ts";

export type ConfigCode =
  | "config.unknown-flag"
  | "config.bad-value"
  | "config.missing-value"
  | "config.stray-word"
  | "config.conflict"
  | "config.unreadable";

/** How the text of a flag, of an environment variable or of the config file becomes a value. */
export interface Kind<T> {
  /** Word shown in help, for example `SECONDS`; absent for switches. */
  readonly hint?: string;
  readonly isSwitch?: boolean;
  /** @throws Error whose message completes the sentence "--flag …". */
  parse(text: string): T;
  /** The value as an operator would write it; the plain value when absent. */
  format?(value: T): string;
}

export const text: Kind<string> = { hint: "TEXT", parse: (value) => value };
export const path: Kind<string> = { hint: "PATH", parse: (value) => value };

export const toggle: Kind<boolean> = {
  isSwitch: true,
  parse(value) {
    const lower = value.toLowerCase();
    if (["true", "1", "yes", "on"].includes(lower)) return true;
    if (["false", "0", "no", "off"].includes(lower)) return false;
    throw new Error(`is a switch: use true or false, not "${value}"`);
  },
};

export function integer(range: { min: number; max: number }, hint = "N"): Kind<number> {
  return {
    hint,
    parse(value) {
      const number = Number(value);
      if (!/^-?\d+$/.test(value.trim()) || number < range.min || number > range.max) {
        throw new Error(`must be a whole number from ${range.min} to ${range.max}, not "${value}"`);
      }
      return number;
    },
  };
}

export function decimal(range: { min: number; max: number }, hint = "X"): Kind<number> {
  return {
    hint,
    parse(value) {
      const number = Number(value);
      if (value.trim() === "" || !Number.isFinite(number) || number < range.min || number > range.max) {
        throw new Error(`must be a number from ${range.min} to ${range.max}, not "${value}"`);
      }
      return number;
    },
  };
}

export function choice<const T extends string>(...values: T[]): Kind<T> {
  return {
    hint: values.join("|"),
    parse(value) {
      const found = values.find((allowed) => allowed === value);
      if (found === undefined) throw new Error(`must be one of ${values.join(", ")}, not "${value}"`);
      return found;
    },
  };
}

/** Values of one kind with commas between them, each once; an empty text is no value. */
export function list<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    hint: `${kind.hint},…`,
    format: (values) => values.join(","),
    parse(value) {
      const parts = value.split(",").map((part) => part.trim());
      return [...new Set(parts.filter((part) => part !== "").map((part) => kind.parse(part)))];
    },
  };
}

/** `auto`, `webgpu`, `cpu`, or one adapter: `webgpu:1`, `webgpu:NAME`. */
export const device: Kind<"auto" | "webgpu" | "cpu" | `webgpu:${string}`> = {
  hint: "auto|webgpu|webgpu:N|cpu",
  parse(value) {
    if (value === "auto" || value === "webgpu" || value === "cpu") return value;
    if (/^webgpu:.+$/.test(value)) return value as `webgpu:${string}`;
    throw new Error(`must be one of auto, webgpu, cpu, or webgpu:N, webgpu:NAME, not "${value}"`);
  },
};

const SIZE_UNITS: Record<string, number> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** Bytes from a text such as `2 GB` or `500MB` (decimal units, as in the old flags). */
export const size: Kind<number> = {
  hint: "SIZE",
  format(bytes) {
    const [unit, factor] = Object.entries(SIZE_UNITS).findLast(([, least]) => bytes >= least) ?? ["B", 1];
    return `${bytes / factor} ${unit}`;
  },
  parse(value) {
    const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)\s*$/i.exec(value);
    if (!match) throw new Error(`must be a size such as "2 GB" or "500 MB", not "${value}"`);
    return Math.floor(Number(match[1]) * SIZE_UNITS[match[2]!.toUpperCase()]!);
  },
};

/** A kind whose value may be absent: absence means "decided elsewhere", which the option's help explains. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return kind;
}

export function badValue(flag: string, origin: string, reason: string): Failure<ConfigCode> {
  return new Failure<ConfigCode>("config.bad-value", {
    message: `--${flag} (from ${origin}) ${reason}`,
    hint: "openvalidator run --help shows every flag with its default",
    data: { flag, origin },
  });
}
