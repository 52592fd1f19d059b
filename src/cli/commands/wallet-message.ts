import { orAborted } from "../../base/deadline.ts";
import { counted, hexBytes, jsonText } from "../../base/text.ts";
import { loadConfiguration } from "../../config/load.ts";
import { WALLET_OPEN_OPTIONS } from "../../config/options.ts";
import { walletFailure } from "../../wallet/errors.ts";
import { hotkeyOf, PUBLIC_KEY_BYTES, publicKeyOf } from "../../wallet/keypair.ts";
import { SIGNATURE_BYTES, signMessage, verifyMessage } from "../../wallet/message.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { existingFile } from "../input-file.ts";
import { openColdkey, openHotkey, ownTerminal } from "../open-signer.ts";

/** What a person signs is far shorter; more is a file that was not meant. */
const MAX_MESSAGE_BYTES = 1 << 20;
const LINE_END = 10;

/** Signs a message as `btcli wallet sign` does. */
export async function signMessageOf(context: CommandContext): Promise<number> {
  const { flags, environment, signal } = context;
  const { settings } = loadConfiguration(WALLET_OPEN_OPTIONS, sourcesOf(context));
  const message = await readMessage(context, context.words?.[0]);
  const key = flags.coldkey === "true" ? "coldkey" : "hotkey";
  const isWrapped = flags.bytes === "true";
  const secret = await (key === "coldkey" ? openColdkey : openHotkey)(settings, {
    environment,
    signal,
    terminal: ownTerminal(),
  });
  const signature = signMessage(secret, message, isWrapped).toHex();
  const { address, cryptoType } = secret;
  if (flags.json === "true") {
    context.print(
      `${jsonText({
        signed_message: signature,
        signer_address: address,
        key,
        crypto_type: cryptoType,
        wrapped: isWrapped,
        message_bytes: message.length,
      })}\n`,
    );
    return EXIT.ok;
  }
  const end = message.at(-1) === LINE_END ? ", the last of them a line end" : "";
  context.print(
    [
      `Signature  ${signature}`,
      `Signer     ${address}, ${key}, ${cryptoType}`,
      `Message    ${counted(message.length, "byte")}${end}; signed ${isWrapped ? "in <Bytes>…</Bytes>" : "as it is"}`,
      "",
    ].join("\n"),
  );
  return EXIT.ok;
}

/** Verifies a signature, bare or wrapped, sr25519 or ed25519. */
export async function verifyMessageOf(context: CommandContext): Promise<number> {
  const [address, signatureText, file] = context.words as [string, string, string | undefined];
  const publicKey = readPublicKey(address);
  const signature = readSignature(signatureText);
  const message = await readMessage(context, file);
  const found = await verifyMessage(message, signature, publicKey);
  const signer = hotkeyOf(publicKey);
  // `echo` adds what nobody signed.
  const isOfOneLess =
    found === null &&
    message.at(-1) === LINE_END &&
    (await verifyMessage(message.subarray(0, -1), signature, publicKey)) !== null;
  if (context.flags.json === "true") {
    const how = found === null ? {} : { crypto_type: found.cryptoType, wrapped: found.isWrapped };
    const why = isOfOneLess ? { without_line_end: true } : {};
    context.print(`${jsonText({ verified: found !== null, signer, ...how, ...why })}\n`);
  } else if (found !== null) {
    const how = `${found.cryptoType}, ${found.isWrapped ? "in <Bytes>…</Bytes>" : "as it is"}`;
    context.print(`Good: ${signer} signed this message (${how}).\n`);
  } else {
    const why = isOfOneLess ? "\nIt is of the same message without its last line end." : "";
    context.print(`Bad: this is not a signature of ${signer} over this message.${why}\n`);
  }
  return found === null ? EXIT.badData : EXIT.ok;
}

/** An SS58 address or a public key in hexadecimal digits. */
function readPublicKey(text: string): Uint8Array {
  const publicKey = hexBytes(text) ?? publicKeyOf(text);
  if (publicKey?.length === PUBLIC_KEY_BYTES) return publicKey;
  throw walletFailure("wallet.bad-address", {
    message: "the first word is neither an SS58 address nor a public key of 64 hexadecimal digits",
    hint: "Give the signer's address as `wallet sign` prints it.",
  });
}

function readSignature(text: string): Uint8Array {
  const bytes = hexBytes(text);
  if (bytes?.length === SIGNATURE_BYTES) return bytes;
  // A MultiSignature names its scheme before.
  if (bytes?.length === SIGNATURE_BYTES + 1 && bytes[0]! <= 1) return bytes.subarray(1);
  throw walletFailure("wallet.bad-signature", {
    message: "the second word is not a signature of 128 hexadecimal digits",
    hint: "Give it as `wallet sign` prints it.",
  });
}

/** The bytes of a file or of standard input, every one of them: a line end at the end is a part of the message. */
async function readMessage({ flags, signal }: CommandContext, word: string | undefined): Promise<Uint8Array> {
  const isInput = word === undefined || word === "-";
  if (isInput && process.stdin.isTTY)
    throw walletFailure("wallet.no-message", {
      message: "there is no message",
      hint: "Give a FILE, or pipe it: printf %s 'TEXT' | openvalidator wallet …",
    });
  const path = isInput ? undefined : existingFile(word, "a message");
  const source = path === undefined ? Bun.stdin : Bun.file(path);
  const bytes = await orAborted(readBounded(source.stream()), signal);
  if (flags.hex !== "true") return bytes;
  const given = hexBytes(new TextDecoder().decode(bytes).trim());
  if (given !== undefined) return given;
  throw walletFailure("wallet.no-message", {
    message: "the message is not in hexadecimal digits, two for each byte",
    hint: "Leave out --hex to sign the text as it is.",
  });
}

async function readBounded(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_MESSAGE_BYTES)
      throw walletFailure("wallet.no-message", {
        message: `the message has more than ${MAX_MESSAGE_BYTES} bytes`,
        hint: "Sign a hash of it instead, in hexadecimal digits.",
      });
  }
  return Buffer.concat(chunks);
}
