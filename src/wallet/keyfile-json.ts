import { z } from "zod";
import { hexBytes } from "../base/text.ts";
import { walletFailure } from "./errors.ts";
import {
  hotkeyOf,
  type Keypair,
  keypairFromSeed,
  keypairsFromPrivateKey,
  PRIVATE_KEY_BYTES,
  publicKeyOf,
  SEED_BYTES,
  seedOfMnemonic,
} from "./keypair.ts";
import { type CryptoType, KeySecret } from "./secret.ts";

const hex = (...byteLengths: number[]): z.ZodType<string> =>
  z.string().refine((text) => byteLengths.some((length) => isHex(text, length)));

/** btwallet's key file; every field may be missing or null. Unknown fields are ignored, for newer versions add some. */
const KEYFILE = z.object({
  accountId: hex(SEED_BYTES).nullish(),
  publicKey: hex(SEED_BYTES).nullish(),
  privateKey: hex(SEED_BYTES, PRIVATE_KEY_BYTES).nullish(),
  secretPhrase: z.string().nullish(),
  secretSeed: hex(SEED_BYTES).nullish(),
  ss58Address: z.string().nullish(),
  /** Written with a leading space by some versions. */
  " ss58Address": z.string().nullish(),
  cryptoType: z.union([z.number(), z.string().regex(/^\d+$/)]).nullish(),
});

export type KeyfileContent = z.infer<typeof KEYFILE>;

const RESTORE = "Restore it from its mnemonic with `openvalidator wallet import FILE`.";

const MNEMONIC = /^[a-z]+(?:\s+[a-z]+){11,23}$/;
/** substrate's CryptoType; what follows are hashed and post-quantum schemes. */
const CRYPTO_TYPES: Record<number, CryptoType> = { 0: "ed25519", 1: "sr25519" };

/**
 * Understands the decrypted content of a key file: JSON, a bare seed, a bare private key or a mnemonic. No error
 * quotes the content.
 * @throws Failure `wallet.malformed`, `wallet.foreign-format`
 */
export function parseKeyfile(bytes: Uint8Array, path: string, hint = RESTORE): KeyfileContent {
  const text = new TextDecoder().decode(bytes).trim();
  if (isHex(text, SEED_BYTES)) return { secretSeed: text };
  if (isHex(text, PRIVATE_KEY_BYTES)) return { privateKey: text };
  if (MNEMONIC.test(text)) return { secretPhrase: text };
  const json = parseJson(text, path, hint);
  if (typeof json === "object" && json !== null && "encoded" in json && "encoding" in json)
    throw walletFailure("wallet.foreign-format", {
      message: `${path} is an account export of polkadot.js, not a Bittensor key file`,
      hint: "Import it with btcli 9, `btcli wallet regen-hotkey --json FILE`, or make it of its words with `openvalidator wallet import FILE`.",
    });
  const parsed = KEYFILE.safeParse(json);
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path.join(".") || "the whole file";
    throw walletFailure("wallet.malformed", {
      message: `${path} is not a key file that we understand (at: ${field})`,
      hint,
    });
  }
  return parsed.data;
}

/**
 * The key pair of a key file, proved by its own address.
 * @throws Failure `wallet.public-only`, `wallet.address-mismatch`, `wallet.unsupported-crypto`, `wallet.malformed`
 */
export async function secretOfKeyfile(content: KeyfileContent, path: string): Promise<KeySecret> {
  const stated = cryptoTypeOf(content, path);
  const expected = expectedPublicKey(content, path);
  const other: CryptoType = stated === "sr25519" ? "ed25519" : "sr25519";
  for (const cryptoType of [stated, other]) {
    const candidates = await candidatesOf(content, cryptoType);
    if (candidates.length === 0)
      throw walletFailure("wallet.public-only", {
        message: `${path} holds no secret key`,
        hint: "The hotkey itself is needed to sign weights; a …pub.txt file is not enough.",
      });
    const match = candidates.find(
      ({ publicKey }) => expected === null || publicKey.toHex() === expected.toHex(),
    );
    if (match) return new KeySecret(cryptoType, hotkeyOf(match.publicKey), match.publicKey, match.secretKey);
  }
  throw walletFailure("wallet.address-mismatch", {
    message: `the secret in ${path} does not belong to the address in the same file`,
    hint: "The file was edited or damaged; restore it from its mnemonic with `openvalidator wallet import FILE`.",
  });
}

/** The address that a key file states, without its secret; null when it states none. */
export function publicKeyInKeyfile(content: KeyfileContent, path: string): Uint8Array | null {
  return expectedPublicKey(content, path);
}

async function candidatesOf(content: KeyfileContent, cryptoType: CryptoType): Promise<Keypair[]> {
  if (content.secretPhrase)
    return [await keypairFromSeed(await seedOfMnemonic(content.secretPhrase), cryptoType)];
  if (content.secretSeed) return [await keypairFromSeed(bytesOf(content.secretSeed), cryptoType)];
  if (content.privateKey) return keypairsFromPrivateKey(bytesOf(content.privateKey), cryptoType);
  return [];
}

function cryptoTypeOf(content: KeyfileContent, path: string): CryptoType {
  const number = Number(content.cryptoType ?? 1);
  const known = CRYPTO_TYPES[number];
  if (known === undefined)
    throw walletFailure("wallet.unsupported-crypto", {
      message: `${path} is of key type ${number}; hotkeys are sr25519 or ed25519`,
      hint: "Make a new hotkey with `openvalidator wallet create` and register it.",
    });
  return known;
}

function expectedPublicKey(content: KeyfileContent, path: string): Uint8Array | null {
  const address = content.ss58Address ?? content[" ss58Address"];
  if (!address) {
    const stated = content.publicKey ?? content.accountId;
    return stated ? bytesOf(stated) : null;
  }
  const publicKey = publicKeyOf(address.trim());
  if (publicKey === null)
    throw walletFailure("wallet.malformed", {
      message: `${path} states an address that is no SS58 address`,
      hint: RESTORE,
    });
  return publicKey;
}

function parseJson(text: string, path: string, hint: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which may be a secret.
    throw walletFailure("wallet.malformed", {
      message: `${path} is neither a JSON key file nor a seed, a private key or a mnemonic`,
      hint,
    });
  }
}

function isHex(text: string, byteLength: number): boolean {
  return hexBytes(text)?.length === byteLength;
}

/** @param text that `isHex` has seen */
const bytesOf = (text: string): Uint8Array => hexBytes(text)!;
