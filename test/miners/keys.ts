import {
  cryptoWaitReady,
  encodeAddress,
  keyExtractSuri,
  keyFromPath,
  mnemonicToMiniSecret,
  sr25519PairFromSeed,
  sr25519Sign,
} from "@polkadot/util-crypto";
import { asHotkey, type Hotkey } from "../../src/base/units.ts";

/** Public phrase of Substrate's development keys; never holds value. */
const DEVELOPMENT_PHRASE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

export interface TestSigner {
  hotkey: Hotkey;
  signMinerRequest(message: string): Uint8Array;
}

/** A signer of a development key such as //Alice. */
export async function testSigner(path: string): Promise<TestSigner> {
  await cryptoWaitReady();
  const suri = keyExtractSuri(DEVELOPMENT_PHRASE + path);
  const pair = keyFromPath(sr25519PairFromSeed(mnemonicToMiniSecret(suri.phrase)), suri.path, "sr25519");
  return {
    hotkey: asHotkey(encodeAddress(pair.publicKey, 42)),
    signMinerRequest: (message) => sr25519Sign(message, pair),
  };
}
