import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeAddress } from "@polkadot/util-crypto";
import { asUid, type Hotkey, type Uid } from "../base/units.ts";
import { chainAddress } from "../miners/address.ts";
import { createColdkey, createWallet } from "../wallet/create.ts";
import { addressInFile, readHotkey, readPublicHotkey } from "../wallet/keyfile.ts";
import { createSigner } from "../wallet/signer.ts";
import { askMiners } from "./ask-once.ts";
import type { MinerCharacter } from "./miners/characters.ts";
import { type LocalMiner, startMiners } from "./miners/miners.ts";
import { AXON_PROTOCOL, AXON_VERSION } from "./node/admin.ts";
import { SS58_PREFIX } from "./node/description.ts";
import type { SubnetRules } from "./node/genesis.ts";
import { type GenesisNeuron, type LocalNode, startNode } from "./node/node.ts";

export interface LocalnetOptions {
  minerCount: number;
  blockTimeMs: number;
  /** 0 = any free port. */
  port: number;
  tempoBlocks: number;
  commitReveal: boolean;
  epochs?: SubnetRules["epochs"] | undefined;
  paused?: boolean | undefined;
  /** Neurons in all; those beside validator and miners serve nothing. */
  uids?: number | undefined;
  /** Websockets to the chain, on ports in a row; one unless said. */
  endpoints?: number | undefined;
  /** At the first endpoint from the beginning. */
  faults?: readonly string[] | undefined;
  /** Repeated in turn over the miners; absent = a mix of all characters. */
  characters?: readonly MinerCharacter[] | undefined;
  /** Folder for the wallet; absent = a new temporary one. */
  directory?: string | undefined;
  /** Of a public network, and an IPv4 address where its miners listen: on such a network nobody calls loopback. For tests. */
  publicLooks?: { genesisHash: string; minersAt: string } | undefined;
}

export interface Localnet {
  node: LocalNode;
  endpoint: string;
  /** All of them, `endpoint` first. */
  endpoints: readonly string[];
  netuid: number;
  walletPath: string;
  walletName: string;
  /** Name of the hotkey file. */
  walletHotkey: string;
  validator: Hotkey;
  miners: readonly (LocalMiner & { uid: Uid })[];
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";
const NETUID = 1;
/** Above the default of --neuron.vpermit_tao_limit, so that the validator counts as one. */
const VALIDATOR_STAKE_TAO = 10_000;
/** What a registration costs, so that btcli has something to show; those that may pay it have plenty. */
const REGISTRATION_TAO = 1;
const PURSE_TAO = 1_000_000;
/** The accounts that every development chain of Substrate gives money: //Alice, //Bob, //Charlie, //Dave, //Eve, //Ferdie. */
const DEVELOPMENT_ACCOUNTS = [
  "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
  "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
  "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y",
  "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy",
  "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw",
  "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL",
];
/** Weights may follow each other this closely (the public chain: 100 blocks). */
const WEIGHTS_RATE_LIMIT_BLOCKS = 5;

/**
 * Starts a subnet on loopback: miners first, for their ports belong into the genesis of the chain; the validator is
 * uid 0.
 */
export async function startLocalnet(options: LocalnetOptions): Promise<Localnet> {
  const walletPath = options.directory ?? mkdtempSync(join(tmpdir(), "openvalidator-localnet-"));
  const removeTemporary = (): void => {
    if (options.directory === undefined) rmSync(walletPath, { recursive: true, force: true });
  };
  const wallet = { walletPath, walletName: "localnet", walletHotkey: "validator" };
  const validator = await validatorHotkey(walletPath, wallet.walletName, wallet.walletHotkey);
  const coldkey = await ownerColdkey(walletPath, wallet.walletName);
  const { genesisHash, minersAt = HOST } = options.publicLooks ?? {};
  const miners = await startMiners({
    count: options.minerCount,
    host: minersAt,
    ...(options.characters ? { characters: options.characters } : {}),
    refuseCaller: (caller) => (caller === validator ? undefined : "not a validator of this subnet"),
  });
  const stopMiners = async (): Promise<void> => {
    await Promise.all(miners.map((miner) => miner.stop()));
  };
  let started: LocalNode | undefined;
  try {
    const node = await startNode({
      host: HOST,
      port: options.port,
      netuid: NETUID,
      blockTimeMs: options.blockTimeMs,
      tempo: options.tempoBlocks,
      commitReveal: options.commitReveal,
      epochs: options.epochs,
      paused: options.paused,
      genesisHash,
      weightsRateLimit: WEIGHTS_RATE_LIMIT_BLOCKS,
      burnTao: REGISTRATION_TAO,
      owner: coldkey,
      purses: [coldkey, ...DEVELOPMENT_ACCOUNTS].map((address) => ({ address, tao: PURSE_TAO })),
      accounts: [
        { hotkey: validator, coldkey, stakeTao: VALIDATOR_STAKE_TAO, validatorPermit: true },
        ...miners.map(({ hotkey, coldkey, port }) => ({
          hotkey,
          coldkey,
          stakeTao: 0,
          validatorPermit: false,
          axon: { ...chainAddress(minersAt), port, version: AXON_VERSION, protocol: AXON_PROTOCOL },
        })),
        ...idleNeurons((options.uids ?? 0) - 1 - miners.length),
      ],
    });
    started = node;
    for (let more = 1; more < (options.endpoints ?? 1); more++)
      node.openEndpoint(options.port === 0 ? 0 : options.port + more);
    for (const fault of options.faults ?? []) node.first.fault(fault);
    node.addMethod("localnet_ask", async (params) => {
      const secret = await readHotkey(walletPath, wallet.walletName, wallet.walletHotkey);
      return await askMiners(node.neurons(), createSigner(secret), params);
    });
    return {
      ...wallet,
      node,
      endpoint: node.endpoint,
      endpoints: node.endpoints(),
      netuid: NETUID,
      validator,
      miners: miners.map((miner, index) => ({ ...miner, uid: asUid(index + 1) })),
      async stop() {
        await node.stop();
        await stopMiners();
        removeTemporary();
      },
    };
  } catch (error) {
    await started?.stop();
    await stopMiners();
    removeTemporary();
    throw error;
  }
}

/** Hotkeys that nobody has the secret of, to make a subnet as large as real ones are. */
function idleNeurons(count: number): GenesisNeuron[] {
  return Array.from({ length: Math.max(0, count) }, (_, index) => {
    const name = createHash("sha256").update(`openvalidator localnet idle ${index}`).digest();
    const address = encodeAddress(name, SS58_PREFIX);
    return { hotkey: address, coldkey: address, stakeTao: 0, validatorPermit: false };
  });
}

/** The hotkey of an earlier localnet in the same folder, else a new one. */
async function validatorHotkey(walletPath: string, name: string, hotkey: string): Promise<Hotkey> {
  const exists = existsSync(join(walletPath, name, "hotkeys", hotkey));
  return (await (exists ? readPublicHotkey : createWallet)(walletPath, name, hotkey)).hotkey;
}

/** As `validatorHotkey`, for the coldkey that btcli pays from. */
async function ownerColdkey(walletPath: string, name: string): Promise<string> {
  const file = join(walletPath, name, "coldkeypub.txt");
  if (!existsSync(file)) return (await createColdkey(walletPath, name)).hotkey;
  return await addressInFile(file);
}
