import { setImmediate } from "node:timers/promises";
import { sleep } from "../base/deadline.ts";
import type { Hotkey, Uid } from "../base/units.ts";
import type { AxonAddress, Reply } from "../base/vocabulary.ts";
import { type AddressJudgement, type AddressPolicy, judgeAddress } from "./address.ts";
import { callMiner } from "./http-post.ts";
import { NonceClock, UuidPool } from "./nonce.ts";
import { failed, type Reading, readAnswer, STATUS } from "./response.ts";
import {
  buildRequest,
  hashSafe,
  type MinerPrompt,
  type MinerRequest,
  type RequestSigner,
} from "./synapse-request.ts";
import { Lanes, Permits } from "./turns.ts";

export interface MinerTarget {
  uid: Uid;
  hotkey: Hotkey;
  axon: AxonAddress;
}

export interface DendriteOptions {
  signer: RequestSigner;
  policy: AddressPolicy;
  /** Told to miners; they log it. */
  externalIp?: string | undefined;
  /** Version of this program, for the User-Agent header. */
  version: string;
}

export interface AskOptions {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** Sockets to miners at one time: a whole subnet of 256. */
const MAX_SOCKETS = 256;

/** A signature takes about half a millisecond; between so many the chain's websocket gets its turn. */
const SIGNED_AT_ONCE = 32;
/** With less time than this left for it, a miner is not called any more. */
const MIN_CALL_MS = 50;

/** Asks miners over the `synapse` protocol of the bittensor SDK 6.0 to 10.x. */
export class Dendrite {
  readonly #options: DendriteOptions;
  readonly #nonces = new NonceClock();
  readonly #uuids = new UuidPool();
  readonly #lanes = new Lanes();
  readonly #sockets = new Permits(MAX_SOCKETS);

  constructor(options: DendriteOptions) {
    this.#options = options;
  }

  /**
   * Asks every target the same thing. Never throws for a miner: each gets a reply, in the order of `targets`.
   * All requests are signed before the first is sent, so that no miner pays for another's signature. Ends at most
   * `timeoutMs` after that (later only when more than `MAX_SOCKETS` miners are asked).
   */
  async ask(
    targets: readonly MinerTarget[],
    prompt: MinerPrompt,
    { timeoutMs, signal }: AskOptions,
  ): Promise<Reply[]> {
    const safe: MinerPrompt = { roles: prompt.roles.map(hashSafe), messages: prompt.messages.map(hashSafe) };
    const uuid = this.#uuids.take();
    try {
      const prepared: Prepared[] = [];
      for (const target of targets) {
        prepared.push(this.#prepare(target, safe, uuid, timeoutMs));
        if (prepared.length % SIGNED_AT_ONCE === 0) await setImmediate();
      }
      const deadline = performance.now() + timeoutMs;
      return await Promise.all(
        targets.map(async (target, index) => {
          const { reading, elapsedMs } = await this.#send(prepared[index]!, { timeoutMs, signal, deadline });
          return { uid: target.uid, hotkey: target.hotkey, ...reading, elapsedMs };
        }),
      );
    } finally {
      this.#uuids.give(uuid);
    }
  }

  #prepare(target: MinerTarget, prompt: MinerPrompt, uuid: string, timeoutMs: number): Prepared {
    const address = judgeAddress(target.axon, this.#options.policy);
    if (!address.ok) return { address };
    const request = buildRequest({
      signer: this.#options.signer,
      axon: { ip: address.host, port: address.port, hotkey: target.hotkey },
      prompt,
      timeoutMs,
      nonce: this.#nonces.next(),
      uuid,
      externalIp: this.#options.externalIp ?? "0.0.0.0",
    });
    return { address, request };
  }

  async #send(prepared: Prepared, terms: AskTerms): Promise<{ reading: Reading; elapsedMs: number }> {
    const { address, request } = prepared;
    if (!address.ok || request === undefined) {
      const reason = address.ok ? "" : address.reason;
      return { reading: failed(STATUS.unavailable, `Not called: ${reason}`), elapsedMs: 0 };
    }
    return this.#lanes.inTurn(address.authority, async (turn) => {
      // Uids that share an address wait for each other at their own cost: the deadline of the step stands.
      if (turn.waited)
        await Promise.race([turn.come, sleep(terms.deadline - performance.now(), terms.signal)]);
      const left = turn.waited ? terms.deadline - performance.now() : terms.timeoutMs;
      if (terms.signal?.aborted)
        return { reading: failed(STATUS.stopped, "Not called: stopped", "stopped"), elapsedMs: 0 };
      if (left < Math.min(MIN_CALL_MS, terms.timeoutMs))
        return { reading: failed(STATUS.timeout, "Not called: its address was busy"), elapsedMs: 0 };
      return this.#sockets.with(async () => {
        const startedMs = performance.now();
        const outcome = await callMiner({
          host: address.host,
          port: address.port,
          authority: address.authority,
          path: request.path,
          headers: { ...request.headers, "user-agent": `openvalidator/${this.#options.version}` },
          body: request.body,
          timeoutMs: left,
          signal: terms.signal,
        });
        const elapsedMs = performance.now() - startedMs;
        return {
          reading: outcome.kind === "answer" ? readAnswer(outcome.answer) : outcome.reading,
          elapsedMs,
        };
      });
    });
  }
}

interface Prepared {
  address: AddressJudgement;
  request?: MinerRequest;
}

interface AskTerms extends AskOptions {
  /** `performance.now()` at which the step ends. */
  deadline: number;
}
