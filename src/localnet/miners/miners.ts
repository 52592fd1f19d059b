import { createHash } from "node:crypto";
import { cryptoWaitReady, encodeAddress, sr25519PairFromSeed } from "@polkadot/util-crypto";
import { asHotkey, type Hotkey } from "../../base/units.ts";
import { type Axon, startAxon } from "./axon.ts";
import { behaviourOf, MINER_CHARACTERS, type MinerCharacter } from "./characters.ts";

export interface LocalMiner {
  character: MinerCharacter;
  hotkey: Hotkey;
  /** Owner of the hotkey, for the genesis. */
  coldkey: string;
  host: string;
  port: number;
  stop(): Promise<void>;
}

export interface MinersOptions {
  count: number;
  host: string;
  /** First of `count` ports in a row; free ones when absent. */
  basePort?: number;
  /** Repeated in turn; all characters when absent. */
  characters?: readonly MinerCharacter[];
  /** Decides keys and tastes: the same subnet again for the same seed. */
  seed?: number;
  /** Why a hotkey is not answered (HTTP 403), undefined when it is. */
  refuseCaller?: (hotkey: string) => string | undefined;
}

// All characters among the first twelve, and enough good ones that they are compared with each other.
const DEFAULT_MIX: readonly MinerCharacter[] = [
  "good",
  "gibberish",
  "copying",
  "good",
  "hostile",
  "terse",
  "good",
  "off-topic",
  "repeating",
  "slow",
  "failing",
  "silent",
  "good",
  "good",
  "good",
  "good",
];

/**
 * Starts reference miners: each an HTTP axon of its own with its own hotkey.
 * @throws Error of the operating system when a port is taken; no miner is left running then.
 */
export async function startMiners(options: MinersOptions): Promise<LocalMiner[]> {
  await cryptoWaitReady();
  const mix = options.characters ?? DEFAULT_MIX;
  const characters = Array.from({ length: options.count }, (_, index) => mix[index % mix.length]!);
  const miners: LocalMiner[] = [];
  try {
    for (const [index, character] of characters.entries()) {
      const rank = characters.slice(0, index).filter((other) => other === character).length;
      const peers = characters.filter((other) => other === character).length;
      const hotkey = addressOf(`miner ${options.seed ?? 0} ${index} hotkey`);
      const axon: Axon = startAxon({
        hotkey,
        host: options.host,
        port: options.basePort === undefined ? 0 : options.basePort + index,
        behave: behaviourOf({ character, seed: (options.seed ?? 0) * 4096 + index, rank, peers }),
        refuseCaller: options.refuseCaller,
      });
      const coldkey = addressOf(`miner ${options.seed ?? 0} ${index} coldkey`);
      miners.push({ character, hotkey, coldkey, host: options.host, port: axon.port, stop: axon.stop });
    }
  } catch (error) {
    await Promise.all(miners.map((miner) => miner.stop()));
    throw error;
  }
  return miners;
}

/** Characters from a list with commas, such as "good,gibberish"; the unknown word when there is one. */
export function parseCharacters(list: string): MinerCharacter[] | { unknown: string } {
  const words = list
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  const unknown = words.find((word) => !isCharacter(word));
  return unknown === undefined ? words.filter(isCharacter) : { unknown };
}

function isCharacter(word: string): word is MinerCharacter {
  return (MINER_CHARACTERS as readonly string[]).includes(word);
}

/** Address of a key made for this machine only; a reference miner signs nothing, so that its secret is not kept. */
function addressOf(name: string): Hotkey {
  const seed = createHash("sha256").update(`openvalidator localnet ${name}`).digest();
  return asHotkey(encodeAddress(sr25519PairFromSeed(seed).publicKey, 42));
}
