import { Failure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { asNetuid } from "../base/units.ts";
import type { ChainConnection } from "../chain/connection.ts";
import { isPublicGenesis } from "../chain/networks.ts";
import { serveAxon } from "../chain/serve.ts";
import type { Settings } from "../config/options.ts";
import { chainAddress } from "../miners/address.ts";
import type { HotkeySigner } from "../wallet/signer.ts";

/** The settings of the announcement. */
export type AxonSettings = Pick<
  Settings,
  "netuid" | "neuronAxonOff" | "axonExternalIp" | "axonExternalPort" | "axonPort"
>;

/**
 * Writes this validator's address on chain, which some miners let through their firewall; nothing listens there. Miners
 * answer unannounced validators as well, so a failure does not stop the run.
 */
export async function announce(
  settings: AxonSettings,
  connection: ChainConnection,
  signer: HotkeySigner,
  findExternalIp: (() => Promise<string | undefined>) | undefined,
): Promise<void> {
  if (settings.neuronAxonOff) return;
  // A chain of one's own needs no address, and every chain refuses 127.0.0.1.
  if (settings.axonExternalIp === undefined && !isPublicGenesis(connection.genesisHash)) return;
  const ip = settings.axonExternalIp ?? (await findExternalIp?.());
  if (ip === undefined) {
    log.warn("Not announced on chain: the external address is unknown", { hint: "give --axon.external_ip" });
    return;
  }
  const port = settings.axonExternalPort ?? settings.axonPort;
  try {
    const served = await serveAxon(connection, signer, {
      netuid: asNetuid(settings.netuid),
      ...chainAddress(ip),
      port,
    });
    log.info("Announced on chain", { ip, port, served });
  } catch (error) {
    log.warn("Not announced on chain", { error, hint: error instanceof Failure ? error.hint : undefined });
  }
}
