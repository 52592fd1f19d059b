import type { Netuid } from "../base/units.ts";
import type { ChainConnection } from "./connection.ts";
import { chainFailure } from "./errors.ts";
import { type ExtrinsicSigner, oneAtATime, sendExtrinsic, subtensorCall } from "./extrinsic.ts";
import { type AxonInfo, optionalAxonOf } from "./metagraph.ts";
import { numberItem, readStorage } from "./storage.ts";

export interface Announcement {
  netuid: Netuid;
  ip: bigint;
  ipType: number;
  port: number;
  /** Version of the axon's software, major·10⁶ + minor·10³ + patch. */
  version?: number;
  protocol?: number;
}

/** bittensor 10.2.0: the last version whose wire format our requests follow. */
const DEFAULT_VERSION = 10_002_000;
/** The only value that bittensor ever wrote; readers ignore it. */
const DEFAULT_PROTOCOL = 4;

/**
 * Announces this validator's address, unless the chain already has it.
 * @returns whether something was sent
 * @throws Failure `chain.serve-refused`, `chain.rate-limited` with `retryInBlocks`, `chain.not-registered`
 */
export async function serveAxon(
  connection: ChainConnection,
  signer: ExtrinsicSigner,
  announcement: Announcement,
): Promise<boolean> {
  const { netuid, ip, ipType, port, version = DEFAULT_VERSION, protocol = DEFAULT_PROTOCOL } = announcement;
  const wanted = { ip, ipType, port, version, protocol };
  return oneAtATime(connection, signer.hotkey, async () => {
    const { axon, rateLimit, head } = await connection.ask("reading the announced address", async (api) => {
      const header = await api.rpc.chain.getHeader();
      const values = await readStorage(api, header.hash.toHex(), {
        axon: { name: "subtensorModule.axons", keys: [netuid, signer.hotkey], decode: optionalAxonOf },
        rateLimit: numberItem("servingRateLimit", netuid),
      });
      return { ...values, head: header.number.toNumber() };
    });
    if (axon !== null && isSame(axon, wanted)) return false;
    const blocksLeft = axon === null || rateLimit === 0 ? 0 : axon.block + rateLimit - (head + 1);
    if (blocksLeft > 0)
      throw chainFailure("chain.rate-limited", {
        message: `the address was announced too recently; the chain takes a new one in ${blocksLeft} blocks`,
        retry: "soon",
        retryInBlocks: blocksLeft,
      });
    const args = [netuid, version, ip, port, ipType, protocol, 0, 0];
    await sendExtrinsic(connection, signer, "serve-axon", (api) => subtensorCall(api, ["serveAxon", args]));
    return true;
  });
}

function isSame(known: AxonInfo, wanted: Omit<AxonInfo, "block">): boolean {
  return (["ip", "ipType", "port", "version", "protocol"] as const).every(
    (name) => known[name] === wanted[name],
  );
}
