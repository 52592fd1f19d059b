/**
 * `bad-source`: the dataset is not what was asked for, and asking again does not help. `unreachable`: it may help
 * later. `no-text`: rows came, but none that can be asked about.
 */
export type PromptsCode = "prompts.bad-source" | "prompts.unreachable" | "prompts.no-text";

/** Where raw rows come from, from a random place each time. */
export interface Feed {
  /** For the log: what the operator named. */
  readonly name: string;
  /** True when every read gives all there is, so that a second read brings nothing new. */
  readonly isWhole: boolean;
  /** Columns of the rows that were read last, for a hint; empty when rows have none. */
  readonly columns: readonly string[];
  /** Changes when the texts that were read are no longer those of the source; constant where nobody can tell. */
  version(): string;
  /** The text cells of some rows; anything may be in them. */
  read(signal: AbortSignal): Promise<unknown[]>;
}
