import { argon2i } from "hash-wasm";
import { ownCommand } from "../base/program.ts";
import { walletFailure } from "./errors.ts";

/** Hidden command that runs `deriveHere` in a process of its own. */
export const DERIVATION_COMMAND = "key-derivation";
const KEY_BYTES = 32;

/**
 * Fixed by btwallet (src/keyfile.rs): libsodium's argon2i13 with OPSLIMIT_SENSITIVE, MEMLIMIT_SENSITIVE and a constant
 * salt. It takes some seconds and 512 MiB.
 */
const KEY_DERIVATION = {
  iterations: 8,
  memorySize: 512 * 1024,
  parallelism: 1,
  hashLength: KEY_BYTES,
  salt: Uint8Array.fromHex("137183dff15a09bc9c90b5518739e9b1"),
} as const;

/** The key of a password, computed in this process, whose event loop stands still meanwhile. */
export async function deriveHere(password: Uint8Array): Promise<Uint8Array> {
  return await argon2i({ ...KEY_DERIVATION, password, outputType: "binary" });
}

/**
 * The key of a password, computed in a child process: there it can be stopped at once, and its memory goes back to the
 * system. Password and key go through pipes, never through arguments or the environment.
 * @throws Failure `wallet.cancelled` when the signal comes, `wallet.no-derivation` when the child dies
 */
export async function deriveKey(password: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
  if (signal?.aborted) throw cancelled();
  const child = Bun.spawn(ownCommand(DERIVATION_COMMAND), {
    // Not even the variables that a shell would give: nothing of them is needed.
    env: {},
    stdin: new Uint8Array(password),
    stdout: "pipe",
    stderr: "ignore",
  });
  const stop = (): void => child.kill("SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const [exitCode, answer] = await Promise.all([child.exited, new Response(child.stdout).text()]);
    if (signal?.aborted) throw cancelled();
    const key = /^[0-9a-f]{64}\n$/.test(answer) ? Uint8Array.fromHex(answer.trim()) : undefined;
    if (exitCode === 0 && key !== undefined) return key;
    throw walletFailure("wallet.no-derivation", {
      message: `the process that derives the hotkey's key ended with ${child.signalCode ?? exitCode}`,
      hint: "It needs 512 MiB of memory; make room for it.",
    });
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function cancelled(): Error {
  return walletFailure("wallet.cancelled", { message: "stopped before the hotkey was open" });
}
