import { Failure } from "../../base/error.ts";
import { CALL_FILTERED, ERROR_INDEX, type PalletError } from "./errors.ts";
import {
  CALL_FAULT,
  CHAIN_FAULTS,
  type ChainFaultName,
  ENDPOINT_FAULTS,
  type EndpointFaultName,
  type Fault,
  ONCE_FAULTS,
} from "./fault-names.ts";
import { decimalOf } from "./request.ts";
import { SubtensorCall, type SubtensorCallValue } from "./runtime.ts";
import type { LocalnetCode } from "./scale.ts";

/** States of older blocks are gone. */
const MOST_BLOCKS_BACK = 250;
const NUMBERS: Partial<Record<EndpointFaultName, [fallback: number, least: number, most: number]>> = {
  refuse: [503, 400, 599],
  slow: [5, 0, 600],
  lag: [20, 1, MOST_BLOCKS_BACK],
};

/**
 * Reads a fault as people write it: `hang`, `cut:state_call:5%`, `lag:100`, `set_weights:SettingWeightsTooFast`.
 * @throws Failure `localnet.bad-request` that names what there is
 */
export function parseFault(text: string): Fault {
  const [name = "", ...words] = text.split(":");
  const isChain = Object.hasOwn(CHAIN_FAULTS, name);
  if ((isChain || name === "drop") && words.length > 0)
    throw badFault(`${name} takes nothing after its name`);
  if (isChain) return { kind: "chain", name: name as ChainFaultName };
  if (name === "drop") return { kind: "drop" };
  if (name === "reorg") return reorgFault(words);
  if (Object.hasOwn(ENDPOINT_FAULTS, name)) return endpointFault(name as EndpointFaultName, words);
  if (words.length > 0) return callFault(name, words);
  const known = [...Object.keys({ ...ENDPOINT_FAULTS, ...ONCE_FAULTS, ...CHAIN_FAULTS }), "CALL:ERROR"];
  throw badFault(`there is no ${JSON.stringify(name)}; there are ${known.join(", ")}`);
}

function reorgFault([blocks = "1", ...rest]: readonly string[]): Fault {
  const count = decimalOf(blocks);
  if (rest.length > 0 || !(Number.isInteger(count) && count >= 1 && count <= MOST_BLOCKS_BACK))
    throw badFault(`reorg${ONCE_FAULTS.reorg[0]} takes a number from 1 to ${MOST_BLOCKS_BACK}`);
  return { kind: "reorg", blocks: count };
}

function endpointFault(name: EndpointFaultName, words: readonly string[]): Fault {
  const [form] = ENDPOINT_FAULTS[name];
  let rest = words;
  const fault: Extract<Fault, { kind: "endpoint" }> = { kind: "endpoint", name, rate: 1 };
  const limits = NUMBERS[name];
  if (limits !== undefined) {
    const [fallback, least, most] = limits;
    fault.number = rest[0] === undefined ? fallback : decimalOf(rest[0]);
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
  const count = times === undefined ? Number.POSITIVE_INFINITY : decimalOf(times);
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
