import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";

const KEM = "ML-KEM-768";
/** Layout of a ciphertext: hash of the key, length of what encapsulates the shared secret, that, a nonce, the sealed extrinsic. */
const KEY_HASH_BYTES = 16;
const LENGTH_BYTES = 2;
const NONCE_BYTES = 24;

/** WebCrypto's key encapsulation, which the types of this runtime do not have yet. */
interface Kem {
  generateKey(algorithm: { name: string }, extractable: boolean, usages: string[]): Promise<CryptoKeyPair>;
  exportKey(format: "raw-public", key: CryptoKey): Promise<ArrayBuffer>;
  decapsulateBits(algorithm: { name: string }, key: CryptoKey, ciphertext: Uint8Array): Promise<ArrayBuffer>;
}

/**
 * The MEV shield as the author of blocks has it: clients encrypt an extrinsic for its key, carry it in another one, and it
 * is opened when the carrier is in a block. The real chain's key changes with each block; here it stays.
 */
export class Shield {
  /** Raw ML-KEM-768 key, 1184 bytes. */
  readonly publicKey: Uint8Array;
  readonly #kem: Kem;
  readonly #privateKey: CryptoKey;

  private constructor(kem: Kem, publicKey: Uint8Array, privateKey: CryptoKey) {
    this.#kem = kem;
    this.publicKey = publicKey;
    this.#privateKey = privateKey;
  }

  static async create(): Promise<Shield> {
    const kem = crypto.subtle as unknown as Kem;
    const { publicKey, privateKey } = await kem.generateKey({ name: KEM }, true, [
      "encapsulateBits",
      "decapsulateBits",
    ]);
    return new Shield(kem, new Uint8Array(await kem.exportKey("raw-public", publicKey)), privateKey);
  }

  /** The extrinsic within, or null for a ciphertext that is none or of another key. */
  async open(ciphertext: Uint8Array): Promise<Uint8Array | null> {
    const bytes = Buffer.from(ciphertext);
    const encapsulated = KEY_HASH_BYTES + LENGTH_BYTES;
    try {
      const nonce = encapsulated + bytes.readUInt16LE(KEY_HASH_BYTES);
      const sealed = nonce + NONCE_BYTES;
      const secret = await this.#kem.decapsulateBits(
        { name: KEM },
        this.#privateKey,
        bytes.subarray(encapsulated, nonce),
      );
      return xchacha20poly1305(new Uint8Array(secret), bytes.subarray(nonce, sealed)).decrypt(
        bytes.subarray(sealed),
      );
    } catch (error) {
      // Whatever a client's ciphertext breaks, the chain goes on without it, as the author of a real block does.
      log.debug("localnet cannot open a shielded extrinsic", { reason: messageOf(error) });
      return null;
    }
  }
}
