/**
 * Asks the miners at the ports given as arguments and prints what that cost. A program of its own, because the memory
 * of a process that has run other tests grows by those tests' garbage.
 */
import { asUid } from "../../src/base/units.ts";
import { chainAddress } from "../../src/miners/address.ts";
import { Dendrite, type MinerTarget } from "../../src/miners/ask.ts";
import { testSigner } from "../miners/keys.ts";

export interface AskCost {
  statuses: number[];
  /** Highest resident memory while asking, less the one before. */
  grownBytes: number;
}

const PROMPT = { roles: ["user"], messages: ["What is the capital of Texas?"] };
const TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 5;

async function measure(ports: readonly number[]): Promise<AskCost> {
  const signer = await testSigner("//Alice");
  const client = new Dendrite({
    signer,
    policy: { allowPrivate: true, ownAddresses: new Set() },
    version: "0",
  });
  const targets: MinerTarget[] = ports.map((port, uid) => ({
    uid: asUid(uid),
    hotkey: signer.hotkey,
    axon: { ...chainAddress("127.0.0.1"), port },
  }));
  // The first step pays for code and buffers that every later one uses again.
  await client.ask(targets.slice(0, 5), PROMPT, { timeoutMs: TIMEOUT_MS });
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  let peak = before;
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage().rss);
  };
  const watch = setInterval(look, LOOK_EVERY_MS);
  const replies = await client.ask(targets, PROMPT, { timeoutMs: TIMEOUT_MS });
  clearInterval(watch);
  look();
  return { statuses: replies.map((reply) => reply.status), grownBytes: peak - before };
}

process.stdout.write(JSON.stringify(await measure(process.argv.slice(2).map(Number))));
process.exit(0);
