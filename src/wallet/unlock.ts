import { walletFailure } from "./errors.ts";
import { readKeyFile } from "./files.ts";

export interface PasswordSources {
  environment: Record<string, string | undefined>;
  /** File with the password, for example a systemd credential. */
  passwordFile?: string | undefined;
  /** Asks a person; absent when there is no terminal. */
  terminal?: Terminal | undefined;
  /** Called before the person is asked. */
  onAsk?: (() => void) | undefined;
  /** Takes the question back. */
  signal?: AbortSignal | undefined;
}

/** The part of a terminal that a prompt without echo needs: `process.stdin` and `process.stderr`. */
export interface Terminal {
  input: NodeJS.ReadableStream & { setRawMode?(raw: boolean): unknown };
  output: { write(text: string): unknown };
}

/** systemd puts credentials of `LoadCredential=` into this folder. */
const CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY";
const CREDENTIAL_NAME = "hotkey-password";
/** A longer line is no password. */
const MAX_PASSWORD_BYTES = 1024;

/**
 * Finds the password of an encrypted key file: a file first (it never shows in a process list), then btwallet's
 * environment variable, then a person. Null when there is no source at all.
 * @throws Failure `wallet.bad-password-source`, `wallet.cancelled`
 */
export async function findPassword(
  keyfilePath: string,
  sources: PasswordSources,
): Promise<Uint8Array | null> {
  if (sources.passwordFile) return readPasswordFile(sources.passwordFile);
  const credentials = sources.environment[CREDENTIALS_VARIABLE];
  if (credentials) {
    const path = `${credentials}/${CREDENTIAL_NAME}`;
    if (await Bun.file(path).exists()) return readPasswordFile(path);
  }
  const variable = passwordVariable(keyfilePath);
  const stored = sources.environment[variable];
  if (stored !== undefined) return decodePasswordVariable(variable, stored);
  if (!sources.terminal) return null;
  sources.onAsk?.();
  return askPassword(`Password of ${keyfilePath}: `, sources.terminal, sources.signal);
}

/** btwallet's variable for a key file: the path in upper case with `/` and `.` as `_` (keyfile.rs env_var_name). */
export function passwordVariable(keyfilePath: string): string {
  return `BT_PW_${keyfilePath.replaceAll("/", "_").replaceAll(".", "_").toUpperCase()}`;
}

/**
 * What an operator can do for a password. The variable is named only where a shell can set it: `-` in a wallet's name
 * makes a name that none accepts.
 */
export function waysToGiveAPassword(path: string): string {
  const variable = passwordVariable(path);
  const others = "give --wallet.password_file or a systemd credential named hotkey-password";
  return /^\w+$/.test(variable)
    ? `Start from a terminal, ${others}, or set ${variable}.`
    : `Start from a terminal, or ${others}.`;
}

/** base64 of the password XOR the variable's own name (keyfile.rs decrypt_password): hides it from a glance, no more. */
export function decodePasswordVariable(variable: string, stored: string): Uint8Array {
  const name = new TextEncoder().encode(variable);
  try {
    return Uint8Array.fromBase64(stored.trim()).map((byte, index) => byte ^ name[index % name.length]!);
  } catch {
    throw walletFailure("wallet.bad-password-source", {
      message: `the environment variable ${variable} is not base64`,
      hint: "Only btwallet writes it rightly (`save_password_to_env`); a password file is simpler.",
    });
  }
}

/** Editors of Windows begin a text with it. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

async function readPasswordFile(path: string): Promise<Uint8Array> {
  const bytes = await readKeyFile(path, "lax", "password file");
  const start = BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte) ? BYTE_ORDER_MARK.length : 0;
  let end = bytes.length;
  while (end > start && (bytes[end - 1] === 10 || bytes[end - 1] === 13)) end--;
  const length = end - start;
  if (length === 0 || length > MAX_PASSWORD_BYTES)
    throw walletFailure("wallet.bad-password-source", {
      message: `the password file ${path} is ${length === 0 ? "empty" : "too long"}`,
      hint: `Write the password into it and nothing else, ${MAX_PASSWORD_BYTES} bytes at most.`,
    });
  const password = bytes.slice(start, end);
  bytes.fill(0);
  return password;
}

const KEY = {
  controlC: 3,
  controlD: 4,
  backspace: 8,
  newline: 10,
  enter: 13,
  controlU: 21,
  del: 127,
} as const;

/**
 * Reads one line from the terminal without showing it.
 * @throws Failure `wallet.cancelled` on ctrl-C, ctrl-D, a closed input or the signal.
 */
export function askPassword(question: string, terminal: Terminal, signal?: AbortSignal): Promise<Uint8Array> {
  const { input, output } = terminal;
  output.write(question);
  input.setRawMode?.(true);
  return new Promise((resolve, reject) => {
    let typed: number[] = [];
    const finish = (settle: () => void): void => {
      input.off("data", read);
      input.off("end", cancel);
      signal?.removeEventListener("abort", cancel);
      input.setRawMode?.(false);
      input.pause();
      output.write("\n");
      settle();
    };
    const cancel = (): void =>
      finish(() =>
        reject(
          walletFailure("wallet.cancelled", {
            message: "no password was entered, so the hotkey stays closed",
          }),
        ),
      );
    const read = (chunk: Uint8Array | string): void => {
      const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
      for (const byte of bytes) {
        if (byte === KEY.controlC || byte === KEY.controlD) {
          cancel();
          return;
        }
        if (byte === KEY.enter || byte === KEY.newline) {
          finish(() => resolve(Uint8Array.from(typed)));
          typed.fill(0);
          return;
        }
        if (byte === KEY.controlU) typed = [];
        else if (byte === KEY.backspace || byte === KEY.del) dropCharacter(typed);
        else if (typed.length < MAX_PASSWORD_BYTES) typed.push(byte);
      }
    };
    input.on("data", read);
    input.on("end", cancel);
    signal?.addEventListener("abort", cancel, { once: true });
    input.resume();
    if (signal?.aborted) cancel();
  });
}

/** Removes the last UTF-8 character. */
function dropCharacter(bytes: number[]): void {
  while (bytes.length > 0 && (bytes.pop()! & 0xc0) === 0x80);
}
