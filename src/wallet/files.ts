import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { sleep } from "../base/deadline.ts";
import { reasonOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { expandPath } from "../config/paths.ts";
import { walletFailure } from "./errors.ts";

/** A key file has some 500 bytes; more than this is something else. */
const MAX_FILE_BYTES = 64 * 1024;
/** A pipe may wait for a person who unlocks a password manager. */
const PIPE_TIMEOUT_MS = 120_000;
const PIPE_POLL_MS = 20;
/** Read or write for group or others. */
const OPEN_MODE_BITS = 0o066;

/** Where btwallet keeps a wallet. No validator reads the coldkey; only a localnet makes one. */
export interface WalletPaths {
  /** `<path>/<name>/hotkeys` */
  directory: string;
  hotkey: string;
  hotkeyPublic: string;
  coldkey: string;
  coldkeyPublic: string;
}

/** @throws Failure `wallet.bad-name` for a name that would leave the wallet's folder. */
export function walletPaths(walletPath: string, name: string, hotkey: string): WalletPaths {
  for (const part of [name, hotkey])
    if (part === "" || part === "." || part === ".." || /[/\\\0]/.test(part))
      throw walletFailure("wallet.bad-name", {
        message: "a wallet or hotkey name is empty or holds a path separator",
        hint: "Give the folder with --wallet.path and only names with --wallet.name and --wallet.hotkey.",
      });
  const wallet = join(expandPath(walletPath), name);
  const directory = join(wallet, "hotkeys");
  return {
    directory,
    hotkey: join(directory, hotkey),
    hotkeyPublic: join(directory, `${hotkey}pub.txt`),
    coldkey: join(wallet, "coldkey"),
    coldkeyPublic: join(wallet, "coldkeypub.txt"),
  };
}

const HINTS_WHERE_MISSING = {
  "key file":
    "Check --wallet.path, --wallet.name and --wallet.hotkey, or make one with `openvalidator wallet create`.",
  "coldkey file":
    "Check --wallet.path and --wallet.name, or make the coldkey with `btcli wallet new-coldkey`; leave out --coldkey for the hotkey.",
  "password file": "Check --wallet.password_file, or the credential hotkey-password of the systemd unit.",
} as const;

export type PermissionPolicy = "strict" | "lax" | "public";

/**
 * Reads a small regular file, or a pipe: `<(pass show hotkey)`, /dev/stdin. Symbolic links are followed, for mounted
 * secrets are links; type, owner and mode are those of the file that was opened, so nothing can be swapped in between.
 * @param policy `strict` refuses a file that group or others may read or write, `lax` only warns
 * @throws Failure `wallet.missing`, `wallet.unreadable`, `wallet.open-permissions`
 */
export async function readKeyFile(
  path: string,
  policy: PermissionPolicy,
  what: keyof typeof HINTS_WHERE_MISSING = "key file",
): Promise<Uint8Array> {
  let file: FileHandle;
  try {
    // Without O_NONBLOCK a named pipe that nobody writes into would block for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const isMissing = ["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "");
    throw walletFailure(isMissing ? "wallet.missing" : "wallet.unreadable", {
      message: isMissing ? `there is no ${what} at ${path}` : `cannot read ${path}: ${reasonOf(cause)}`,
      hint: isMissing ? HINTS_WHERE_MISSING[what] : "Run as the user who owns the wallet.",
      cause,
    });
  }
  try {
    const stat = await file.stat();
    if ((!stat.isFile() && !stat.isFIFO()) || stat.size > MAX_FILE_BYTES)
      throw walletFailure("wallet.unreadable", {
        message: `${path} is not a ${what}: it is ${stat.isFile() ? "too large" : "neither a regular file nor a pipe"}`,
        hint: `Give the ${what} itself, or a pipe; it has at most ${MAX_FILE_BYTES / 1024} KiB.`,
      });
    if (policy !== "public" && (stat.mode & OPEN_MODE_BITS) !== 0)
      reportOpenMode(path, what, stat.mode, policy);
    return stat.isFIFO() ? await readPipe(file, path) : new Uint8Array(await file.readFile());
  } finally {
    await file.close();
  }
}

/** Everything that comes out of a pipe until its writers are gone. */
async function readPipe(file: FileHandle, path: string): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_FILE_BYTES);
  const deadline = performance.now() + PIPE_TIMEOUT_MS;
  for (let length = 0; ; ) {
    try {
      const { bytesRead } = await file.read(buffer, length);
      if (bytesRead === 0) return buffer.subarray(0, length);
      length += bytesRead;
    } catch (cause) {
      // Its writer lives and has written nothing yet.
      if ((cause as NodeJS.ErrnoException).code !== "EAGAIN") throw cause;
      if (performance.now() > deadline)
        throw walletFailure("wallet.unreadable", {
          message: `nothing came out of the pipe ${path} for ${PIPE_TIMEOUT_MS / 1000} s`,
          hint: "Look at what is to write into it.",
        });
      await sleep(PIPE_POLL_MS);
    }
  }
}

function reportOpenMode(path: string, what: string, mode: number, policy: PermissionPolicy): void {
  const octal = (mode & 0o777).toString(8).padStart(4, "0");
  if (policy === "strict")
    throw walletFailure("wallet.open-permissions", {
      message: `other users of this machine may open ${path} (mode ${octal})`,
      hint: `Run: chmod 600 ${path} (or accept it with --wallet.lax_permissions).`,
    });
  log.warn("A secret file is open to other users of this machine", { path, what, mode: octal });
}
