import { Failure } from "../../base/error.ts";
import { CALL_FILTERED, ERROR_INDEX, type PalletError } from "./errors.ts";
import { SubtensorCall, type SubtensorCallValue } from "./runtime.ts";
import type { LocalnetCode } from "./scale.ts";

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
export const ONCE_FAULT = { drop: ["", "Every connection is cut, once."] } as const;

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
  | { kind: "chain"; name: ChainFaultName }
  | {
      kind: "call";
      call: SubtensorCallValue["kind"];
      error: PalletError | typeof CALL_FILTERED;
      atPool: boolean;
      /** How often it still happens. */
      times: number;
    };

/** The largest lag: states of older blocks are gone. */
const MOST_LAG_BLOCKS = 250;
const NUMBERS: Partial<Record<EndpointFaultName, [fallback: number, least: number, most: number]>> = {
  refuse: [503, 400, 599],
  slow: [5, 0, 600],
  lag: [20, 1, MOST_LAG_BLOCKS],
};

/**
 * Reads a fault as people write it: `hang`, `cut:state_call:5%`, `lag:100`, `set_weights:SettingWeightsTooFast`.
 * @throws Failure `localnet.bad-request` that names what there is
 */
export function parseFault(text: string): Fault {
  const [name = "", ...words] = text.split(":");
  if (Object.hasOwn(CHAIN_FAULTS, name)) {
    if (words.length > 0) throw badFault(`${name} takes nothing after its name`);
    return { kind: "chain", name: name as ChainFaultName };
  }
  if (Object.hasOwn(ENDPOINT_FAULTS, name)) return endpointFault(name as EndpointFaultName, words);
  if (words.length > 0) return callFault(name, words);
  const known = [...Object.keys({ ...ENDPOINT_FAULTS, ...ONCE_FAULT, ...CHAIN_FAULTS }), "CALL:ERROR"];
  throw badFault(`there is no ${JSON.stringify(name)}; there are ${known.join(", ")}`);
}

function endpointFault(name: EndpointFaultName, words: readonly string[]): Fault {
  const [form] = ENDPOINT_FAULTS[name];
  let rest = words;
  const fault: Extract<Fault, { kind: "endpoint" }> = { kind: "endpoint", name, rate: 1 };
  const limits = NUMBERS[name];
  if (limits !== undefined) {
    const [fallback, least, most] = limits;
    fault.number = rest[0] === undefined ? fallback : Number(rest[0]);
    if (!(fault.number >= least && fault.number <= most) || (name !== "slow" && fault.number % 1 !== 0))
      throw badFault(`${name}${form} takes a number from ${least} to ${most}`);
    rest = rest.slice(1);
  } else if (form !== "") {
    if (rest[0] !== undefined && /^[A-Za-z]\w*$/.test(rest[0])) {
      fault.method = rest[0];
      rest = rest.slice(1);
    }
    const share = rest[0] === undefined ? null : /^(\d+(?:\.\d+)?)%$/.exec(rest[0]);
    if (share) {
      fault.rate = Number(share[1]) / 100;
      rest = rest.slice(1);
    }
  }
  if (rest.length > 0 || fault.rate > 1) throw badFault(`it is written ${name}${form}`);
  return fault;
}

function callFault(call: string, words: readonly string[]): Fault {
  const [error = "", ...rest] = words;
  const { shape } = SubtensorCall;
  const calls = shape.kind === "variant" ? shape.cases.map(({ name }) => name) : [];
  if (!calls.includes(call))
    throw badFault(`there is no call ${JSON.stringify(call)}; there are ${calls.join(", ")}`);
  if (!Object.hasOwn(ERROR_INDEX, error) && error !== CALL_FILTERED)
    throw badFault(`the pallet has no error ${JSON.stringify(error)}${near(error)}`);
  const atPool = rest[0] === "pool";
  if (atPool && error === CALL_FILTERED) throw badFault("the pool takes calls that the filter then refuses");
  const [times, ...tail] = atPool ? rest.slice(1) : rest;
  const count = times === undefined ? Number.POSITIVE_INFINITY : Number(times);
  if (tail.length > 0 || (times !== undefined && !(Number.isInteger(count) && count > 0)))
    throw badFault(`it is written ${CALL_FAULT[0]}`);
  return {
    kind: "call",
    call: call as SubtensorCallValue["kind"],
    error: error as PalletError | typeof CALL_FILTERED,
    atPool,
    times: count,
  };
}

/** Errors with a word of the one that is not there. */
function near(error: string): string {
  const parts = error.match(/[A-Z][a-z]{3,}/g) ?? [];
  const similar = Object.keys(ERROR_INDEX).filter((name) => parts.some((part) => name.includes(part)));
  return similar.length === 0 ? "" : `; there are ${similar.slice(0, 5).join(", ")}`;
}

const badFault = (reason: string): Failure<LocalnetCode> =>
  new Failure<LocalnetCode>("localnet.bad-request", { message: `No such fault: ${reason}` });
