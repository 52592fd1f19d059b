import { accessSync, appendFileSync, constants, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import vectors from "./golden/chain-vectors.json" with { type: "json" };

/**
 * The secrets of the tests. Whatever the suite prints, logs, leaves in folders, or hands to processes and servers that
 * have no business with them is searched for these, so that a test need only use them.
 */
export const CANARY = {
  password: "canary-Pa55word-71c0ffee",
  wandbKey: "ca9a7e01ca9a7e01ca9a7e01ca9a7e01ca9a7e4c",
  hookPath: "canary-hook-0d15ea5e8badf00d",
  hubToken: "hf_canaryDeadBeefCafe0123456789",
  endpointPassword: "canary-endpoint-5ec2e7",
  endpointKey: "canarykeyFEEDFACE0123456789abcdef",
  /** Of programs that are none of ours, in the environment of the whole suite. */
  foreignKey: "canary-foreign-0b5e55ed5ca1ab1e",
} as const;

/** Secrets of the golden wallets, which tests of wallets open. */
const WALLET = {
  seed: vectors.sr25519.mini_secret,
  secretKey: vectors.sr25519.polkadotjs_secretKey,
  mnemonic: vectors.sr25519.mnemonic,
};

/** Where the processes of a run note what they find; the first one of them tells it at the end and fails. */
const NOTES = "leaks";
/** Names the folder of a test run to the run itself. */
export const SCRATCH = "OV_TESTS_SCRATCH";

/** Files into which an operator puts a secret, or this program on his demand. */
const OWN_FILE = /^(?:\.?netrc|password|hotkey-password|wandb-api-key|config\.jsonc?|openvalidator\.jsonc)$/;
/** Keys of wallets; what has no room for text: libraries and models; what Bun made of the source of the tests. */
const OWN_PATH = /\/hotkeys\/[^/]+$|\.(?:so|node|onnx|onnx_data|pile)$/;
/** What is larger is a model or a library of a test. */
const MAX_BYTES = 64 << 20;
const ZSTD_MAGIC = 0xfd2fb528;

/** Texts that give a secret away, each with its name: the secret, and the ways in which it is likely to travel. */
const FORMS: [text: string, name: string][] = Object.entries({ ...CANARY, ...WALLET }).flatMap(
  ([name, secret]) => formsOf(secret).map((text): [string, string] => [text, name]),
);

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // In base64 a text looks otherwise at each of three places; the characters at its ends depend on its neighbours.
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replaceAll("=", "")
      .slice(2 + offset, -2),
  );
  const asBytes = /^[0-9a-f]{64,}$/.test(secret) ? [Buffer.from(secret, "hex").toString("latin1")] : [];
  return [secret, encodeURIComponent(secret), bytes.toString("hex"), ...base64, ...asBytes];
}

/** Names of the secrets in a text; bytes are given as latin1. */
export function secretsIn(text: string): string[] {
  return [...new Set(FORMS.flatMap(([form, name]) => (text.includes(form) ? [name] : [])))];
}

/** Notes every secret in a text that should hold none; the run fails by it at its end. */
export function noteSecrets(place: string, text: string): void {
  const found = secretsIn(text);
  if (found.length === 0) return;
  const scratch = process.env[SCRATCH];
  // A bench, for one, has nobody who reads notes.
  if (scratch === undefined) throw new Error(`a secret got out: ${found.join(", ")} in ${place}`);
  appendFileSync(join(scratch, NOTES), found.map((name) => `${name} in ${place}\n`).join(""));
}

/** What was noted in a run, a line each. */
export function notedSecrets(scratch: string): string[] {
  const path = join(scratch, NOTES);
  const text = statSync(path, { throwIfNoEntry: false }) === undefined ? "" : readFileSync(path, "utf8");
  return [...new Set(text.split("\n").filter((line) => line !== ""))];
}

/** Notes every secret in the files below a folder; state, journals, spools, logs and core files are among them. */
export function searchFolder(folder: string): void {
  for (const path of filesBelow(folder)) {
    if (OWN_FILE.test(basename(path)) || OWN_PATH.test(path)) continue;
    const place = `the file ${relative(folder, path).replace(/^.*\/(?=[^/]+\/[^/]+$)/, "…/")} of ${basename(folder)}`;
    noteSecrets(place, readable(readFileSync(path)).toString("latin1"));
  }
}

/** Links lead to what is searched where it lies, or in circles. */
function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (!mayRead(path)) continue;
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile() && statSync(path).size <= MAX_BYTES) yield path;
  }
}

/** False for what a test has locked away, and for what a process took away that still ends. */
function mayRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Closed segments of a journal are compressed. */
function readable(bytes: Buffer): Buffer {
  if (bytes.length < 4 || bytes.readUInt32LE(0) !== ZSTD_MAGIC) return bytes;
  try {
    return Buffer.from(Bun.zstdDecompressSync(bytes));
  } catch {
    return bytes; // half a file, as a crash leaves it
  }
}
