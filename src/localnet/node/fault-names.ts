import type { CALL_FILTERED, PalletError } from "./errors.ts";
import type { SubtensorCallValue } from "./runtime.ts";

/** What one endpoint can do wrong, with what may stand after the name; the others of the same chain know nothing of it. */
export const ENDPOINT_FAULTS = {
  refuse: ["[:STATUS]", "Open connections are cut, new ones get an HTTP status (503)."],
  hang: ["[:METHOD][:N%]", "It hears and does everything, and says nothing."],
  slow: ["[:SECONDS]", "All that it says comes later (5 s)."],
  cut: ["[:METHOD][:N%]", "The connection is cut in place of an answer."],
  error: ["[:METHOD][:N%]", "Answers are the JSON-RPC error -32603."],
  empty: ["[:METHOD][:N%]", "Answers are null."],
  garbage: ["[:METHOD][:N%]", "What it says is an HTML page."],
  lie: ["", "Its first block is another chain's."],
  syncing: ["", "It says that it has not caught up."],
  lag: ["[:BLOCKS]", "It shows the chain as it was so many blocks ago (20)."],
  freeze: ["", "It stays at the block that it is at."],
} as const;
export type EndpointFaultName = keyof typeof ENDPOINT_FAULTS;

/** What can be wrong with the chain, whichever endpoint shows it. */
export const CHAIN_FAULTS = {
  "finality-stall": ["", "No block becomes final."],
  "beacon-stall": ["", "The beacon is silent: commits wait for their round."],
} as const;
export type ChainFaultName = keyof typeof CHAIN_FAULTS;

/** What happens once and is no state. */
export const ONCE_FAULTS = {
  drop: ["", "Every connection is cut, once."],
  reorg: ["[:BLOCKS]", "The newest blocks (1) that are not final become others, without what was in them."],
} as const;

/** The third kind: a call that ends with an error of the pallet. */
export const CALL_FAULT = [
  "CALL:ERROR[:pool][:TIMES]",
  "The call ends with this error of the pallet, or its pool refuses it; CallFiltered, as in safe mode, is of this very call.",
] as const;

export type Fault =
  | {
      kind: "endpoint";
      name: EndpointFaultName;
      /** Of an answer; absent = of all. */
      method?: string;
      /** Chance, 0..1. */
      rate: number;
      /** STATUS, SECONDS or BLOCKS. */
      number?: number;
    }
  | { kind: "drop" }
  | { kind: "reorg"; blocks: number }
  | { kind: "chain"; name: ChainFaultName }
  | {
      kind: "call";
      call: SubtensorCallValue["kind"];
      error: PalletError | typeof CALL_FILTERED;
      atPool: boolean;
      /** How often it still happens. */
      times: number;
    };
