import { connect } from "node:net";
import type { AxonAddress } from "../base/vocabulary.ts";
import { type AddressPolicy, judgeAddress } from "./address.ts";

/** As long as a request waits for its connection (http-post.ts). */
const CONNECT_TIMEOUT_MS = 3_000;

/**
 * Whether one of these addresses accepts a TCP connection now. Nothing is sent; each connection is closed at once.
 * Ends at the first that does, after three seconds, or with the signal. Never rejects.
 */
export function acceptsConnection(
  axons: readonly AxonAddress[],
  policy: AddressPolicy,
  signal?: AbortSignal,
): Promise<boolean> {
  const stop = new AbortController();
  const ends = AbortSignal.any([
    stop.signal,
    AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    ...(signal ? [signal] : []),
  ]);
  const attempts = axons.map((axon) => {
    const address = judgeAddress(axon, policy);
    return address.ok ? accepts(address, ends) : Promise.resolve(false);
  });
  return anyTrue(attempts).finally(() => stop.abort());
}

/** @returns true with the first true; false when all are false */
async function anyTrue(answers: readonly Promise<boolean>[]): Promise<boolean> {
  const yes = Promise.withResolvers<boolean>();
  for (const answer of answers)
    void answer.then((isTrue) => {
      if (isTrue) yes.resolve(true);
    });
  return Promise.race([yes.promise, Promise.all(answers).then((all) => all.includes(true))]);
}

function accepts({ host, port }: { host: string; port: number }, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const socket = connect({ host, port });
    const finish = (isOpen: boolean): void => {
      signal.removeEventListener("abort", giveUp);
      socket.destroy();
      resolve(isOpen);
    };
    const giveUp = (): void => finish(false);
    signal.addEventListener("abort", giveUp, { once: true });
    socket.once("connect", () => finish(true));
    // Refused or not reachable: that is the answer.
    socket.on("error", giveUp);
  });
}
