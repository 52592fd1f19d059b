import type { Kind } from "./kinds.ts";

/** Rooms of the help screen, in the order they are printed. */
export const GROUPS = [
  "wallet",
  "chain",
  "validator",
  "miners",
  "rewards",
  "gating",
  "models",
  "data",
  "localnet",
  "logs",
] as const;
export type Group = (typeof GROUPS)[number];

export interface Option<T> {
  /** Dotted name on the command line, as openvalidators 1.2.0 wrote it where it had the flag. */
  readonly flag: string;
  readonly kind: Kind<T>;
  readonly default: T;
  readonly group: Group;
  readonly help: string;
  /** Other environment names that are honoured, first wins, after OPENVALIDATOR_<FLAG>. */
  readonly env?: readonly string[];
  /** Never printed, never written to events. */
  readonly secret?: boolean;
}

/** One row of a table of options. */
export function option<T>(
  flag: string,
  kind: Kind<T>,
  fallback: NoInfer<T>,
  group: Group,
  help: string,
  more: Pick<Option<T>, "env" | "secret"> = {},
): Option<T> {
  return { flag, kind, default: fallback, group, help, ...more };
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;
/** Effective values by camelCase name. */
export type ValuesOf<Table extends OptionTable> = {
  [Name in keyof Table]: Table[Name] extends Option<infer T> ? T : never;
};

/** OPENVALIDATOR_WALLET_NAME for wallet.name. */
export function environmentName(flag: string): string {
  return `OPENVALIDATOR_${flag.toUpperCase().replaceAll(/[.-]/g, "_")}`;
}
