import { Failure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { Told } from "../base/told.ts";
import { asNetuid, type BlockNumber } from "../base/units.ts";
import type { ChainConnection } from "../chain/connection.ts";
import { isPublicGenesis } from "../chain/networks.ts";
import { serveAxon } from "../chain/serve.ts";
import type { Settings } from "../config/options.ts";
import { chainAddress } from "../miners/address.ts";
import type { HotkeySigner } from "../wallet/signer.ts";
import type { Duty } from "./clock.ts";

/** The settings of the announcement. */
export type AxonSettings = Pick<
  Settings,
  "netuid" | "neuronAxonOff" | "axonExternalIp" | "axonExternalPort" | "axonPort" | "dryRun"
>;

/** An hour on the public chain: an address of a provider changes once a day at most, and services that tell it should not be pressed. */
const LOOK_BLOCKS = 300;

/**
 * Writes this validator's address on chain, which some miners let through their firewall; nothing listens there. Miners
 * answer unannounced validators as well, so a failure does not stop the run. It looks again now and then: the address may have become
 * another, and a hotkey that registered anew has none.
 */
export class AxonDuty implements Duty {
  readonly name = "axon";
  readonly #settings: AxonSettings;
  readonly #connection: ChainConnection;
  readonly #signer: HotkeySigner;
  readonly #findExternalIp: (() => Promise<string | undefined>) | undefined;
  #nextAt = 0;
  /** As it was announced last. */
  #ip: string | undefined;
  readonly #told = new Told();

  constructor(
    settings: AxonSettings,
    connection: ChainConnection,
    signer: HotkeySigner,
    findExternalIp?: () => Promise<string | undefined>,
  ) {
    this.#settings = settings;
    this.#connection = connection;
    this.#signer = signer;
    this.#findExternalIp = findExternalIp;
  }

  isDue(block: BlockNumber): boolean {
    const { neuronAxonOff, dryRun, axonExternalIp } = this.#settings;
    if (neuronAxonOff || dryRun || block < this.#nextAt) return false;
    // A chain of one's own needs no address, and every chain refuses 127.0.0.1.
    return axonExternalIp !== undefined || isPublicGenesis(this.#connection.genesisHash);
  }

  async run(block: BlockNumber): Promise<void> {
    this.#nextAt = block + LOOK_BLOCKS;
    const { netuid, axonExternalIp, axonExternalPort, axonPort } = this.#settings;
    const ip = axonExternalIp ?? (await this.#findExternalIp?.());
    if (ip === undefined) {
      // Once it was known, a service that does not answer is no news.
      if (this.#ip === undefined)
        this.#tell("the external address is unknown", { hint: "give --axon.external_ip" });
      return;
    }
    const port = axonExternalPort ?? axonPort;
    try {
      const served = await serveAxon(this.#connection, this.#signer, {
        netuid: asNetuid(netuid),
        ...chainAddress(ip),
        port,
      });
      if (served || this.#ip === undefined)
        log.info("Announced on chain", { ip, port, served, before: this.#ip });
      this.#ip = ip;
      this.#told.over();
    } catch (error) {
      if (error instanceof Failure && error.retryInBlocks !== undefined)
        this.#nextAt = block + error.retryInBlocks;
      this.#tell(messageOf(error), { hint: error instanceof Failure ? error.hint : undefined });
    }
  }

  #tell(trouble: string, { hint }: { hint: string | undefined }): void {
    if (this.#told.isNews(trouble)) log.warn("Not announced on chain", { because: trouble, hint });
  }
}
