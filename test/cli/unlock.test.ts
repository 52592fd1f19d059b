import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { openSigner } from "../../src/cli/open-signer.ts";
import { configureTestLog } from "../captured-log.ts";
import vectors from "../golden/chain-vectors.json" with { type: "json" };

const root = mkdtempSync(join(tmpdir(), "ov-unlock-"));
beforeAll(configureTestLog);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const hotkeys = join(root, "w", "hotkeys");
mkdirSync(hotkeys, { recursive: true });
writeFileSync(join(hotkeys, "h"), Uint8Array.fromBase64(vectors.nacl_keyfile.file_base64), { mode: 0o600 });
const choice = {
  walletPath: root,
  walletName: "w",
  walletHotkey: "h",
  walletLaxPermissions: false,
  walletPasswordFile: undefined,
};

test("a mistyped password is asked for again, and the signal takes the question back", async () => {
  const stop = new AbortController();
  const shown: string[] = [];
  const input = new PassThrough();
  const terminal = {
    input,
    output: {
      write(text: string) {
        shown.push(text);
        if (!text.startsWith("Password of")) return;
        if (shown.length === 1) setImmediate(() => input.write("wrong\n"));
        else setImmediate(() => stop.abort());
      },
    },
  };
  const opening = openSigner(choice, { environment: {}, signal: stop.signal, terminal });
  await expect(opening).rejects.toMatchObject({ code: "wallet.cancelled" });
  expect(shown.filter((text) => text.startsWith("Password of")).length).toBe(2);
  expect(shown.join("")).toContain("does not open the key; try again");
}, 60_000);

test("a password file is not read three times", async () => {
  const passwordFile = join(root, "password");
  writeFileSync(passwordFile, "");
  const opening = openSigner(
    { ...choice, walletPasswordFile: passwordFile },
    { environment: {}, signal: new AbortController().signal },
  );
  await expect(opening).rejects.toMatchObject({ code: "wallet.bad-password-source" });
});

test("a hotkey that systemd hands over is the one that is opened, with the rights that systemd gives it", async () => {
  const credentials = join(root, "credentials");
  mkdirSync(credentials);
  const file = JSON.stringify({ secretSeed: `0x${"11".repeat(32)}` });
  writeFileSync(join(credentials, "hotkey"), file, { mode: 0o440 });
  const environment = { CREDENTIALS_DIRECTORY: credentials };
  const { hotkey } = await openSigner(choice, { environment, signal: new AbortController().signal });
  const plain = join(root, "w", "hotkeys", "plain");
  writeFileSync(plain, file, { mode: 0o600 });
  const signal = new AbortController().signal;
  const expected = await openSigner({ ...choice, walletHotkey: "plain" }, { environment: {}, signal });
  expect(hotkey).toBe(expected.hotkey);
});
