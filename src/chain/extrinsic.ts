import type { ApiPromise } from "@polkadot/api";
import type { SubmittableExtrinsic } from "@polkadot/api/types";
import type { ISubmittableResult } from "@polkadot/types/types";
import { hexToU8a, u8aToHex } from "@polkadot/util";
import { firstLineOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { asBlock, type BlockNumber, type Hotkey } from "../base/units.ts";
import type { ExtrinsicKind } from "../base/vocabulary.ts";
import type { ChainConnection } from "./connection.ts";
import { type ChainFailure, chainFailure } from "./errors.ts";
import { poolFailure } from "./pool-refusals.ts";
import { dispatchFailure, type RefusalData } from "./refusals.ts";
import { NotSent } from "./socket.ts";
import { unsupported } from "./storage.ts";

/** The part of the wallet that sending an extrinsic needs. */
export interface ExtrinsicSigner {
  readonly hotkey: Hotkey;
  /**
   * @param payload what is to be signed, before hashing
   * @returns a MultiSignature of 65 bytes
   */
  signExtrinsic(kind: ExtrinsicKind, payload: Uint8Array): Uint8Array;
}

export interface Included {
  block: BlockNumber;
  blockHash: string;
  extrinsicHash: string;
}

export interface SendHooks {
  /** Of the extrinsic; else the next one that the node knows, its pool included. */
  nonce?: number | undefined;
  beforeSigning?(nonce: number): void;
  beforeSending?(): void;
}

/** Blocks for which the signature is valid; must outlive the wait below. A power of two. */
export const MORTAL_BLOCKS = 64;
/** Normally the next block or the one after takes it; a node that forgot it keeps silent. */
const INCLUSION_BLOCKS = 6;
/** With fast blocks a busy machine is slower than ten of them. */
const MIN_INCLUSION_MS = 20_000;
const SIGN_TIMEOUT_MS = 30_000;

/** Sends of one hotkey, one after the other: the chain orders them by nonce, and a gap blocks all that follow. */
const queues = new Map<string, Promise<unknown>>();

/** Runs `work` after all earlier work of the same hotkey on the same chain. */
export async function oneAtATime<T>(
  connection: ChainConnection,
  hotkey: Hotkey,
  work: () => Promise<T>,
): Promise<T> {
  const key = `${connection.genesisHash}/${hotkey}`;
  // What came before has told its own caller how it ended.
  const previous = (queues.get(key) ?? Promise.resolve()).catch(() => undefined);
  const run = previous.then(work);
  queues.set(key, run);
  try {
    return await run;
  } finally {
    if (queues.get(key) === run) queues.delete(key);
  }
}

/**
 * Signs, sends and waits until a block holds the extrinsic and the chain has carried it out.
 * @throws Failure with the chain's reason; `chain.outcome-unknown` when the time is up or the connection is lost, and
 * the extrinsic may or may not be on chain; whatever the hooks throw, and then nothing was sent
 */
export async function sendExtrinsic(
  connection: ChainConnection,
  signer: ExtrinsicSigner,
  kind: ExtrinsicKind,
  make: (api: ApiPromise) => SubmittableExtrinsic<"promise">,
  hooks: SendHooks = {},
): Promise<Included> {
  // The node counts its pool; the library's own number is remembered and goes stale.
  const nonce =
    hooks.nonce ??
    (await connection.ask("reading the next nonce", async (api) =>
      (await api.rpc.system.accountNextIndex(signer.hotkey)).toNumber(),
    ));
  hooks.beforeSigning?.(nonce);
  const signed = await connection.ask(
    "signing an extrinsic",
    async (api) => {
      const extrinsic = make(api);
      await extrinsic.signAsync(signer.hotkey, {
        nonce,
        era: MORTAL_BLOCKS,
        signer: {
          signRaw: async ({ data }) => ({
            id: 1,
            signature: u8aToHex(signer.signExtrinsic(kind, hexToU8a(data))),
          }),
        },
      });
      return { api, extrinsic };
    },
    SIGN_TIMEOUT_MS,
  );
  hooks.beforeSending?.();
  return connection.hold(() => watchInclusion(connection, signed.api, signed.extrinsic));
}

function watchInclusion(
  connection: ChainConnection,
  api: ApiPromise,
  extrinsic: SubmittableExtrinsic<"promise">,
): Promise<Included> {
  const extrinsicHash = extrinsic.hash.toHex();
  const timeoutMs = Math.max(MIN_INCLUSION_MS, INCLUSION_BLOCKS * connection.blockTimeMs);
  return new Promise((resolve, reject) => {
    let unsubscribe: (() => void) | undefined;
    let isSettled = false;
    const settle = (how: () => void): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      stopListening();
      unsubscribe?.();
      how();
    };
    const fail = (failure: Error): void => settle(() => reject(failure));
    const timer = setTimeout(
      () => fail(unknownOutcome(extrinsicHash, "no block took it in time")),
      timeoutMs,
    );
    // A subscription dies with its socket, without a word.
    const onLoss = (): void => fail(unknownOutcome(extrinsicHash, "the connection was lost"));
    api.on("disconnected", onLoss);
    const stopListening = (): void => {
      api.off("disconnected", onLoss);
    };
    const watch = (result: ISubmittableResult): void => {
      const { status, dispatchError } = result;
      log.trace("An extrinsic moved on", { extrinsicHash, status: status.type });
      if (status.isInBlock || status.isFinalized) {
        const blockHash = (status.isInBlock ? status.asInBlock : status.asFinalized).toHex();
        const block = asBlock("blockNumber" in result ? Number(result.blockNumber) : connection.head());
        if (dispatchError) fail(dispatchFailure(api, dispatchError));
        else if (result.findRecord("system", "ExtrinsicSuccess"))
          settle(() => resolve({ block, blockHash, extrinsicHash }));
        else fail(unknownOutcome(extrinsicHash, "the node does not show how it ended"));
      } else if (result.isError) fail(unknownOutcome(extrinsicHash, `the node says ${status.type}`));
    };
    extrinsic.send(watch).then(
      (stop) => {
        unsubscribe = stop;
        if (isSettled) stop();
      },
      (error: unknown) => {
        if (error instanceof NotSent) fail(notSent(error));
        else
          fail(
            poolFailure(error, connection.specVersion) ?? unknownOutcome(extrinsicHash, firstLineOf(error)),
          );
      },
    );
  });
}

function unknownOutcome(extrinsicHash: string, reason: string): ChainFailure {
  return chainFailure("chain.outcome-unknown", {
    message: `it is not known whether the extrinsic reached the chain: ${reason}`,
    data: { extrinsicHash },
    retry: "soon",
  });
}

function notSent(cause: NotSent): ChainFailure {
  const data: RefusalData = { reason: "not sent", again: true };
  return chainFailure("chain.unreachable", {
    message: "the connection to the chain was lost before the extrinsic was sent",
    data,
    retry: "soon",
    cause,
  });
}

/** A call of SubtensorModule by the first name that the runtime knows; the last one is the oldest. */
export function subtensorCall(
  api: ApiPromise,
  ...choices: [name: string, args: unknown[]][]
): SubmittableExtrinsic<"promise"> {
  for (const [name, args] of choices) {
    const call = api.tx.subtensorModule?.[name];
    if (call) return call(...args);
  }
  throw unsupported(`call ${choices.map(([name]) => name).join(" or ")}`);
}
