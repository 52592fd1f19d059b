import { statSync } from "node:fs";
import { isFailure } from "../../base/error.ts";
import { expandPath } from "../../config/paths.ts";
import { requireUsableKey } from "../../miners/synapse-request.ts";
import { encryptionOf } from "../../wallet/encryption.ts";
import { readKeyFile, walletPaths } from "../../wallet/files.ts";
import { readHotkey, readHotkeyCredential } from "../../wallet/keyfile.ts";
import type { KeySecret } from "../../wallet/secret.ts";
import { findPassword, waysToGiveAPassword } from "../../wallet/unlock.ts";
import { type Check, fail, ok, skip, warn } from "./check.ts";
import type { Patient } from "./patient.ts";

/** Reading is a moment; deriving the key of a password takes seconds. */
const READ_MS = 3_000;
const DERIVE_MS = 60_000;

/** Read or write for group or others. */
const OPEN_MODE_BITS = 0o066;

const MADE_BY_RUN = "--mock makes a wallet of its own";

function pathOf({ settings, credential }: Patient): string {
  if (credential !== undefined) return credential;
  return walletPaths(expandPath(settings.walletPath), settings.walletName, settings.walletHotkey).hotkey;
}

/** What the file is locked with; undefined where it cannot be read, which `wallet.file` says. */
async function encryptionAt(patient: Patient) {
  try {
    const bytes = await readKeyFile(pathOf(patient), "public");
    const encryption = encryptionOf(bytes);
    bytes.fill(0);
    return encryption;
  } catch (error) {
    if (isFailure(error)) return undefined;
    throw error;
  }
}

const passwordSources = ({ environment, settings, signal }: Patient) => ({
  environment,
  signal,
  passwordFile:
    settings.walletPasswordFile === undefined ? undefined : expandPath(settings.walletPasswordFile),
});

const file: Check = {
  name: "wallet.file",
  timeoutMs: READ_MS,
  async run(patient) {
    if (patient.settings.mock) return skip(MADE_BY_RUN);
    const path = pathOf(patient);
    // The mode of a credential says nothing (wallet/keyfile.ts).
    if (patient.credential !== undefined) return ok(`${path}, a credential of the service manager`);
    const isLax = patient.settings.walletLaxPermissions;
    (await readKeyFile(path, isLax ? "public" : "strict")).fill(0);
    const { mode } = statSync(path);
    const octal = (mode & 0o777).toString(8).padStart(4, "0");
    if ((mode & OPEN_MODE_BITS) !== 0)
      return warn(`other users of this machine may open ${path} (mode ${octal})`, `Run: chmod 600 ${path}`);
    return ok(`${path} (mode ${octal})`);
  },
};

const key: Check = {
  name: "wallet.key",
  timeoutMs: READ_MS,
  deepMs: DERIVE_MS,
  async run(patient, signal) {
    if (patient.settings.mock) return skip(MADE_BY_RUN);
    const encryption = await encryptionAt(patient);
    if (encryption === undefined) return skip("there is no key to look at");
    const hotkey = await patient.hotkey();
    if (encryption !== "none" && !patient.isDeep && patient.credential !== undefined)
      return ok("encrypted; --deep opens it with its password");
    if (encryption !== "none" && !patient.isDeep)
      return hotkey === undefined
        ? fail(
            "the hotkey is encrypted and no …pub.txt beside it tells its address",
            "Restore that file: `btcli wallet regen-hotkeypub` writes it from the address.",
          )
        : ok(`${hotkey}, encrypted; --deep opens it with its password`);
    const secret = await open(patient, signal);
    secret.take().fill(0);
    requireUsableKey({ hotkey: secret.address, cryptoType: secret.cryptoType });
    if (hotkey !== undefined && hotkey !== secret.address)
      return fail(
        `the key opens as ${secret.address}, and the public file beside it says ${hotkey}`,
        "Restore the public file with `btcli wallet regen-hotkeypub`.",
      );
    return ok(`${secret.address}, ${secret.cryptoType}`);
  },
};

/** @throws Failure of a `WalletCode` */
async function open(patient: Patient, signal: AbortSignal): Promise<KeySecret> {
  const { settings, credential } = patient;
  const asked = { signal, password: (path: string) => findPassword(path, passwordSources(patient)) };
  if (credential !== undefined) return await readHotkeyCredential(credential, asked);
  return await readHotkey(expandPath(settings.walletPath), settings.walletName, settings.walletHotkey, {
    ...asked,
    // wallet.file judges them.
    laxPermissions: true,
  });
}

const password: Check = {
  name: "wallet.password",
  timeoutMs: READ_MS,
  async run(patient) {
    if (patient.settings.mock) return skip(MADE_BY_RUN);
    const encryption = await encryptionAt(patient);
    if (encryption === undefined) return skip("there is no key to look at");
    const path = pathOf(patient);
    if (encryption === "none")
      return patient.settings.walletPasswordFile === undefined
        ? ok("none needed, the hotkey is not encrypted")
        : warn("the hotkey is not encrypted, so --wallet.password_file is not read", "Leave it out.");
    const found = await findPassword(path, passwordSources(patient));
    if (found !== null) {
      const isEmpty = found.length === 0;
      found.fill(0);
      if (isEmpty) return fail("the password is empty", waysToGiveAPassword(path));
      const own = passwordSources(patient).passwordFile;
      return own !== undefined && (statSync(own).mode & OPEN_MODE_BITS) !== 0
        ? warn(`other users of this machine may open ${own}`, `Run: chmod 600 ${own}`)
        : ok("there is one");
    }
    return patient.hasTerminal
      ? warn(
          "only a person at the terminal can give it; a service cannot start so",
          waysToGiveAPassword(path),
        )
      : fail("the hotkey is encrypted and no password is given", waysToGiveAPassword(path));
  },
};

export const WALLET_CHECKS: readonly Check[] = [file, key, password];
