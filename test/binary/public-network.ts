import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { resolveNetwork } from "../../src/chain/networks.ts";
import { startLocalnet } from "../../src/localnet/localnet.ts";
import { type HubRepository, startHub } from "../models/model-hub-double.ts";

/**
 * Run where nothing but this machine can be reached: a subnet that calls itself finney, with miners at an address that is no
 * private one, and a hub. Prints where they are as JSON; on SIGTERM, what the file host of the hub was asked.
 */
const MINERS_AT = "20.30.40.50";

/** Of the test that starts this. */
export interface Order {
  wallets: string;
  /** Folders of files, the one of graphs first. */
  repositories: { repo: string; revision: string; folder: string }[];
  /** What the file host does, one after the other. */
  tricks: Parameters<ReturnType<typeof startHub>["tricks"]["push"]>;
}

export interface Places {
  runArguments: string[];
  hub: string;
}

const order = JSON.parse(process.argv[2]!) as Order;
const [first, ...others] = order.repositories.map(
  ({ folder, ...one }): HubRepository => ({
    ...one,
    files: Object.fromEntries(
      readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]),
    ),
  }),
);
const hub = startHub(first!.files, first!.revision, first!.repo, others);
hub.tricks.push(...order.tricks);
const net = await startLocalnet({
  minerCount: 3,
  blockTimeMs: 250,
  port: 0,
  tempoBlocks: 10,
  commitReveal: false,
  characters: ["good", "terse", "gibberish"],
  directory: order.wallets,
  publicLooks: { genesisHash: resolveNetwork({ network: "finney" }).expectedGenesis!, minersAt: MINERS_AT },
});
const places: Places = {
  hub: hub.endpoint,
  runArguments: [
    ...["--subtensor.chain_endpoint", net.endpoint, "--netuid", `${net.netuid}`],
    ...["--wallet.path", net.walletPath, "--wallet.name", net.walletName],
    ...["--wallet.hotkey", net.walletHotkey, "--logging.logging_dir", join(net.walletPath, "logs")],
  ],
};
process.stdout.write(`${JSON.stringify(places)}\n`);
process.on("SIGTERM", async () => {
  process.stdout.write(`${JSON.stringify(hub.requests.filter(({ host }) => host === "cdn"))}\n`);
  await Promise.all([net.stop(), hub.stop()]);
  process.exit(0);
});
