import { CALL_FILTERED } from "./errors.ts";
import type { ChainFaultName, Fault } from "./fault-names.ts";
import type { RuntimeCallValue } from "./runtime.ts";

type CallFault = Extract<Fault, { kind: "call" }>;

/** What is wrong with the chain now, by the words that it was asked for with. */
export class ChainFaults {
  readonly #stalls = new Set<ChainFaultName>();
  readonly #calls = new Map<string, CallFault>();

  add(text: string, fault: Extract<Fault, { kind: "chain" | "call" }>): void {
    if (fault.kind === "chain") this.#stalls.add(fault.name);
    else this.#calls.set(text, fault);
  }

  has(name: ChainFaultName): boolean {
    return this.#stalls.has(name);
  }

  /** The error that a call ends with, in a block or already at the pool; null where it may run. Counts what it answers. */
  refusalOf(call: RuntimeCallValue, place: "pool" | "block"): CallFault["error"] | null {
    if (call.kind !== "SubtensorModule") return null;
    const name = call.fields[0].kind;
    for (const [text, fault] of this.#calls) {
      // A filter knows calls by their names.
      const isMeant =
        fault.error === CALL_FILTERED ? fault.call === name : familyOf(fault.call) === familyOf(name);
      if (!isMeant || fault.atPool !== (place === "pool")) continue;
      fault.times--;
      if (fault.times <= 0) this.#calls.delete(text);
      return fault.error;
    }
    return null;
  }

  names(): string[] {
    return [...this.#stalls, ...this.#calls.keys()];
  }

  /** @returns whether it was there */
  remove(text: string): boolean {
    return this.#stalls.delete(text as ChainFaultName) || this.#calls.delete(text);
  }
}

/** A call and its twin with a mechanism are one: clients choose between them by themselves. */
const familyOf = (call: string): string => call.replace("_mechanism", "");
