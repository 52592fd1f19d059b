import type { ApiPromise } from "@polkadot/api";
import type { Codec } from "@polkadot/types/types";
import { log } from "../base/log.ts";
import { printableUrl } from "../base/url.ts";
import { chainFailure } from "./errors.ts";
import { type BeaconClock, roundAt } from "./schedule.ts";
import { hasStorage, numberOf, readStorage } from "./storage.ts";
import { QUICKNET } from "./timelock.ts";

/** The randomness beacon that a chain locks commits with. */
export interface Beacon extends BeaconClock {
  publicKeyHex: string;
  /** The newest round that the chain holds; it takes no commit for an earlier one. */
  lastStoredRound: number;
}

/** Rounds by which our clock and the chain's may differ: pulses come in with blocks, so some always lag. */
const MAX_SKEW_ROUNDS = 20;

const LOOPBACK = new Set(["127.0.0.1", "[::1]", "localhost"]);
/** Endpoints that were warned about: the beacon does not change while we run. */
const warned = new Set<string>();

/**
 * The beacon as the chain states it. A public network is expected to use drand quicknet, a local one runs its own.
 * @throws Failure `chain.no-beacon`
 */
export async function readBeacon(api: ApiPromise, blockHash: string): Promise<Beacon> {
  const lastRound = { name: "drand.lastStoredRound", keys: [], decode: numberOf };
  if (!hasStorage(api, "drand.lastStoredRound")) throw noBeacon("its runtime has no Drand pallet");
  if (!hasStorage(api, "drand.beaconConfig")) {
    const { lastStoredRound } = await readStorage(api, blockHash, { lastStoredRound: lastRound });
    return { ...QUICKNET, lastStoredRound };
  }
  const { config, lastStoredRound } = await readStorage(api, blockHash, {
    config: { name: "drand.beaconConfig", keys: [], decode: configOf },
    lastStoredRound: lastRound,
  });
  if (config === null) throw noBeacon("Drand.BeaconConfig holds no usable key");
  return { ...config, lastStoredRound };
}

/** Says once per endpoint that a network beyond this machine does not use quicknet, as all public ones do. */
export function warnOfForeignBeacon(beacon: Beacon, endpoint: string): void {
  const isQuicknet =
    beacon.publicKeyHex === QUICKNET.publicKeyHex &&
    beacon.genesisSeconds === QUICKNET.genesisSeconds &&
    beacon.periodSeconds === QUICKNET.periodSeconds;
  if (isQuicknet || LOOPBACK.has(new URL(endpoint).hostname) || warned.has(endpoint)) return;
  warned.add(endpoint);
  log.warn("This network does not use drand quicknet: whoever runs its beacon can read commits early", {
    endpoint: printableUrl(endpoint),
    publicKey: beacon.publicKeyHex.slice(0, 16),
    periodSeconds: beacon.periodSeconds,
  });
}

/**
 * The time to count rounds from. Our clock, unless it is behind what the chain has already seen: then a commit would
 * be locked to a round that is out.
 */
export function beaconNowSeconds(beacon: Beacon, clockSeconds: number): number {
  const skew = roundAt(clockSeconds, beacon) - beacon.lastStoredRound;
  if (Math.abs(skew) > MAX_SKEW_ROUNDS && beacon.lastStoredRound > 0)
    log.warn("This machine's clock and the chain's beacon disagree", {
      rounds: skew,
      hint: skew < 0 ? "check the clock with timedatectl" : "the chain's beacon may have stopped",
    });
  return Math.max(clockSeconds, beacon.genesisSeconds + beacon.lastStoredRound * beacon.periodSeconds);
}

function configOf(value: Codec): Omit<Beacon, "lastStoredRound"> | null {
  const { publicKey, period, genesisTime } = value.toJSON() as {
    publicKey?: string;
    period?: number;
    genesisTime?: number;
  };
  const publicKeyHex = publicKey?.replace(/^0x/, "") ?? "";
  if (publicKeyHex === "" || !period || genesisTime === undefined) return null;
  return { publicKeyHex, periodSeconds: period, genesisSeconds: genesisTime };
}

function noBeacon(reason: string): Error {
  return chainFailure("chain.no-beacon", {
    message: `the weights cannot be locked to a beacon round: ${reason}`,
    hint: "The endpoint is not a subtensor node, or openvalidator is too old for it.",
  });
}
