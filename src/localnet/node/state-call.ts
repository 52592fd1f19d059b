import { type Chain, refusal } from "./chain.ts";
import { bytes, encode, option, u32, vec } from "./codec.ts";
import { describeRuntime } from "./description.ts";
import type { Block } from "./header.ts";
import { callRuntime } from "./runtime-apis.ts";
import { ScaleReader } from "./scale.ts";
import { STATEFUL_CALL, STATEFUL_SPEC_VERSION } from "./schedule.ts";
import type { StateView } from "./state.ts";
import { fromHex, toHex } from "./types.ts";

/** Answers that are kept for the newest block: many clients ask for the same metagraph. */
const CACHED_CALLS = 64;
const UNKNOWN_CALL = -32_000;

/** The runtime as `state_call` reaches it: its metadata and its APIs. */
export class StateCalls {
  readonly #chain: Chain;
  /** Of the next metadata that is made. */
  blockTimeMs: number;
  readonly #answers = new Map<string, string>();
  #answersHead = "";
  #metadata: { specVersion: number; v14: Uint8Array; v15: Uint8Array } | null = null;

  constructor(chain: Chain, blockTimeMs: number) {
    this.#chain = chain;
    this.blockTimeMs = blockTimeMs;
  }

  /** Both versions of the metadata, made anew after an upgrade. */
  metadata(): { v14: Uint8Array; v15: Uint8Array } {
    const { specVersion } = this.#chain;
    if (this.#metadata?.specVersion !== specVersion)
      this.#metadata = { specVersion, ...describeRuntime(specVersion, this.blockTimeMs) };
    return this.#metadata;
  }

  /**
   * @param input SCALE of the arguments, hex without 0x.
   * @returns SCALE of the result as 0x…
   * @throws Failure `localnet.refused` for an API that this runtime does not have.
   */
  call(method: string, input: string, block: Block, state: StateView): string {
    const head = this.#chain.head.hash;
    if (this.#answersHead !== head) {
      this.#answers.clear();
      this.#answersHead = head;
    }
    const name = `${block.hash} ${method} ${input}`;
    const known = this.#answers.get(name);
    if (known !== undefined) return known;
    const answer = this.#run(method, new ScaleReader(fromHex(input)), block, state);
    if (answer === null) throw refusal(UNKNOWN_CALL, `Exported method ${method} is not found`);
    const hex = `0x${toHex(answer)}`;
    // The metadata changes without a block when the runtime is upgraded.
    if (this.#answers.size < CACHED_CALLS && !method.startsWith("Metadata_")) this.#answers.set(name, hex);
    return hex;
  }

  #run(method: string, input: ScaleReader, block: Block, state: StateView): Uint8Array | null {
    switch (method) {
      case "Metadata_metadata":
        return encode(bytes(), this.metadata().v14);
      case "Metadata_metadata_versions":
        return encode(vec(u32), [14, 15]);
      case "Metadata_metadata_at_version": {
        const { v14, v15 } = this.metadata();
        const version = u32.read(input);
        return encode(option(bytes()), version === 15 ? v15 : version === 14 ? v14 : null);
      }
      default:
        if (this.#chain.specVersion < STATEFUL_SPEC_VERSION && method.endsWith(`_${STATEFUL_CALL}`))
          return null;
        return callRuntime(method, input, state, block.height);
    }
  }
}
