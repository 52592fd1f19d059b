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
  "analysis",
  "telemetry",
  "localnet",
  "logs",
  "service",
] as const;
export type Group = (typeof GROUPS)[number];

export interface Option<T> {
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
  kind: Kind<T>,
  fallback: NoInfer<T>,
  group: Group,
  help: string,
  more: Pick<Option<T>, "env" | "secret"> = {},
): Option<T> {
  return { kind, default: fallback, group, help, ...more };
}

/** Options by their flag: the dotted name on the command line, as openvalidators 1.2.0 wrote it where it had the flag. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

type JoinedAt<Mark extends string, Name extends string> = Name extends `${infer Head}${Mark}${infer Tail}`
  ? `${Head}${Capitalize<JoinedAt<Mark, Tail>>}`
  : Name;

/** THE rule by which a flag reaches the code: `neuron.nsfw_off` is `neuronNsfwOff`, `block-time` is `blockTime`. */
export type NameOf<Flag extends string> = JoinedAt<"-", JoinedAt<"_", JoinedAt<".", Flag>>>;

/** As the type NameOf. */
export function nameOf<Flag extends string>(flag: Flag): NameOf<Flag> {
  return flag.replace(/[._-]+(.)/g, (_, first: string) => first.toUpperCase()) as NameOf<Flag>;
}

/** Effective values of a table, or of some of its flags, by the names of the code. */
export type ValuesOf<Table extends OptionTable, Flag extends keyof Table = keyof Table> = {
  [Key in Flag & string as NameOf<Key>]: Table[Key] extends Option<infer T> ? T : never;
};

/** The rows of a table with these flags, for a command that takes no others. */
export function rowsOf<const Table extends OptionTable, Flag extends keyof Table & string>(
  table: Table,
  ...flags: Flag[]
): Pick<Table, Flag> {
  return Object.fromEntries(flags.map((flag) => [flag, table[flag]])) as Pick<Table, Flag>;
}

/** OPENVALIDATOR_WALLET_NAME for wallet.name. */
export function environmentName(flag: string): string {
  return `OPENVALIDATOR_${flag.toUpperCase().replaceAll(/[.-]/g, "_")}`;
}
