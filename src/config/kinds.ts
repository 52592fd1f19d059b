import { isIP } from "node:net";
import { Failure } from "../base/error.ts";

export type ConfigCode =
  | "config.unknown-flag"
  | "config.unknown-variable"
  | "config.no-home"
  | "config.no-directory"
  | "config.bad-value"
  | "config.missing-value"
  | "config.stray-word"
  | "config.conflict"
  | "config.unreadable"
  | "config.exists";

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

export const ipAddress: Kind<string> = {
  hint: "ADDRESS",
  parse(value) {
    if (isIP(value) === 0) throw new Error(`must be an IPv4 or IPv6 address, not "${value}"`);
    return value;
  },
};

/** A secret that goes into an HTTP header, which takes printable ASCII only. */
export const token: Kind<string> = {
  hint: "TOKEN",
  parse(value) {
    const trimmed = value.trim();
    if (!/^[!-~]+$/.test(trimmed)) throw new Error("has a character that no token has");
    return trimmed;
  },
};

/** Base address of a server, without a slash at its end. Shown to everybody, so nothing secret may stand in it. */
export const webAddress: Kind<string> = {
  hint: "URL",
  parse(value) {
    const url = URL.parse(value);
    if (url === null || !/^https?:$/.test(url.protocol))
      throw new Error("must be an address such as https://mirror.example");
    if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
      throw new Error("must be an address without a password and without a query");
    return value.replace(/\/+$/, "");
  },
};

/** Address that itself is a secret: who has it may write to where it leads. */
export const secretAddress: Kind<string> = {
  hint: "URL",
  parse(value) {
    const url = URL.parse(value.trim());
    if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "")
      throw new Error("must be an address such as https://hooks.example/…, without user and password");
    return url.href;
  },
};

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

/**
 * What the operator asked for; `auto` takes a hardware GPU that works, and the CPU otherwise. `webgpu:1` and
 * `webgpu:NAME` choose one adapter of several.
 */
export type DeviceChoice = "auto" | "webgpu" | "cpu" | `webgpu:${string}`;

/** Where models run: one device for all, and others for the models of single roles. */
export interface DevicePlan<Role extends string = string> {
  device: DeviceChoice;
  byRole: Partial<Record<Role, DeviceChoice>>;
}

/** `auto`, `webgpu`, `cpu`, or one adapter (`webgpu:1`, `webgpu:NAME`), then any number of `,ROLE=DEVICE`. */
export function devicePlan<const Role extends string>(...roles: Role[]): Kind<DevicePlan<Role>> {
  return {
    hint: "DEVICE[,ROLE=DEVICE…]",
    format: ({ device, byRole }) =>
      [device, ...Object.entries(byRole).map(([role, own]) => `${role}=${own}`)].join(","),
    parse(value) {
      const plan: DevicePlan<Role> = { device: "auto", byRole: {} };
      for (const [at, part] of value.split(",").entries()) {
        const [, name, own = part] = /^([a-z]+)=(.*)$/.exec(part.trim()) ?? [undefined, undefined];
        if (name === undefined) {
          if (at > 0) throw new Error(`must have ROLE=DEVICE after its first part, not "${part}"`);
          plan.device = parseDevice(own.trim());
          continue;
        }
        const role = roles.find((known) => known === name);
        if (role === undefined) throw new Error(`knows no role "${name}"; there are ${roles.join(", ")}`);
        plan.byRole[role] = parseDevice(own);
      }
      return plan;
    },
  };
}

/** One device. */
export const oneDevice: Kind<DeviceChoice> = {
  hint: "DEVICE",
  format: (device) => device,
  parse: parseDevice,
};

function parseDevice(value: string): DeviceChoice {
  if (value === "auto" || value === "webgpu" || value === "cpu") return value;
  if (/^webgpu:.+$/.test(value)) return value as `webgpu:${string}`;
  throw new Error(`must be one of auto, webgpu, cpu, or webgpu:N, webgpu:NAME, not "${value}"`);
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

/** A size that is no smaller than this. */
export function sizeFrom(least: number): Kind<number> {
  return {
    ...size,
    parse(value) {
      const bytes = size.parse(value);
      if (bytes < least) throw new Error(`must be at least ${size.format!(least)}, not "${value}"`);
      return bytes;
    },
  };
}

const DAY_MS = 86_400_000;

/** A day, a time, or so many days or hours ago; as ISO 8601 in UTC. */
export const moment: Kind<string> = {
  hint: "TIME",
  parse(value) {
    const [, count, unit] = /^(\d{1,5})([dh])$/.exec(value.trim()) ?? [];
    const ms =
      count === undefined
        ? Date.parse(value)
        : Date.now() - Number(count) * (unit === "d" ? DAY_MS : DAY_MS / 24);
    if (!Number.isFinite(ms))
      throw new Error(`must be a day such as 2026-01-31, or 7d or 12h, not "${value}"`);
    return new Date(ms).toISOString();
  },
};

/** A kind whose value may be absent: absence means "decided elsewhere", which the option's help explains. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return kind;
}

export function badValue(flag: string, origin: string, reason: string, command = "run"): Failure<ConfigCode> {
  return new Failure<ConfigCode>("config.bad-value", {
    message: `--${flag} (from ${origin}) ${reason}`,
    hint: `openvalidator ${command} --help shows every flag with its default`,
    data: { flag, origin },
  });
}
