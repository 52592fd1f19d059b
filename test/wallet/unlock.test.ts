import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import {
  askPassword,
  decodePasswordVariable,
  findPassword,
  passwordVariable,
  waysToGiveAPassword,
} from "../../src/wallet/unlock.ts";

const root = mkdtempSync(join(tmpdir(), "unlock-test-"));
afterAll(() => rmSync(root, { recursive: true }));

const text = (bytes: Uint8Array | null): string | null => bytes && new TextDecoder().decode(bytes);
const keyfile = "/home/me/.bittensor/wallets/my-wallet/hotkeys/h1";
const variable = "BT_PW__HOME_ME__BITTENSOR_WALLETS_MY-WALLET_HOTKEYS_H1";

/** As btwallet stores it: base64 of password XOR name. */
function stored(password: string): string {
  const name = Buffer.from(variable);
  const hidden = Buffer.from(password).map((byte, index) => byte ^ name[index % name.length]!);
  return Buffer.from(hidden).toString("base64");
}

class FakeTerminal {
  readonly modes: boolean[] = [];
  readonly input = Object.assign(new PassThrough(), {
    setRawMode: (raw: boolean) => this.modes.push(raw),
  });
  shown = "";
  readonly output = {
    write: (shown: string) => {
      this.shown += shown;
    },
  };
}

describe("the environment variable of btwallet", () => {
  test("is named after the path", () => {
    expect(passwordVariable(keyfile)).toBe(variable);
  });

  test("is recommended only where a shell can set it", () => {
    expect(waysToGiveAPassword(keyfile)).not.toContain("BT_PW_");
    expect(waysToGiveAPassword(keyfile)).toContain("--wallet.password_file");
    expect(waysToGiveAPassword(keyfile.replace("-", "_"))).toContain("set BT_PW__HOME_ME_");
  });

  test("holds the password XOR its own name, also when the password is the longer one", async () => {
    for (const password of ["test-password", "pässwörd ".repeat(20)]) {
      expect(text(decodePasswordVariable(variable, stored(password)))).toBe(password);
      expect(text(await findPassword(keyfile, { environment: { [variable]: stored(password) } }))).toBe(
        password,
      );
    }
  });

  test("is refused by name, without its value, when it is not base64", () => {
    expect(() => decodePasswordVariable(variable, "canary!")).toThrow(variable);
    expect(() => decodePasswordVariable(variable, "canary!")).not.toThrow("canary");
  });
});

describe("a password file", () => {
  test("is read without its line end and comes before the environment", async () => {
    const passwordFile = join(root, "password");
    writeFileSync(passwordFile, "from file\r\n");
    chmodSync(passwordFile, 0o600);
    const environment = { [variable]: stored("from environment") };
    expect(text(await findPassword(keyfile, { environment, passwordFile }))).toBe("from file");
  });

  test("of Windows begins with a byte order mark, which is no part of the password", async () => {
    const passwordFile = join(root, "marked");
    writeFileSync(passwordFile, "\uFEFFfrom file\r\n", { mode: 0o600 });
    expect(text(await findPassword(keyfile, { environment: {}, passwordFile }))).toBe("from file");
    writeFileSync(passwordFile, "\uFEFF\n");
    await expect(findPassword(keyfile, { environment: {}, passwordFile })).rejects.toThrow("is empty");
  });

  test("may be a pipe, whose writer is waited for", async () => {
    const passwordFile = join(root, "pipe");
    expect(Bun.spawnSync(["mkfifo", "-m", "600", passwordFile]).exitCode).toBe(0);
    // Both ends, so that it has a writer from the beginning, as a pipe of a shell has.
    const writer = openSync(passwordFile, "r+");
    const found = findPassword(keyfile, { environment: {}, passwordFile });
    await new Promise((done) => setTimeout(done, 30));
    writeSync(writer, "from a pipe\n");
    closeSync(writer);
    expect(text(await found)).toBe("from a pipe");
  });

  test("that is missing is called a password file, not a key file", async () => {
    const passwordFile = join(root, "nowhere");
    const missing = findPassword(keyfile, { environment: {}, passwordFile });
    await expect(missing).rejects.toThrow(`there is no password file at ${passwordFile}`);
    await expect(missing).rejects.toMatchObject({ hint: expect.stringContaining("--wallet.password_file") });
  });

  test("of systemd is found by the credentials folder", async () => {
    writeFileSync(join(root, "hotkey-password"), "credential", { mode: 0o600 });
    expect(text(await findPassword(keyfile, { environment: { CREDENTIALS_DIRECTORY: root } }))).toBe(
      "credential",
    );
  });

  test("that is empty is refused", async () => {
    const passwordFile = join(root, "empty");
    writeFileSync(passwordFile, "\n", { mode: 0o600 });
    await expect(findPassword(keyfile, { environment: {}, passwordFile })).rejects.toThrow("is empty");
  });
});

describe("the prompt", () => {
  test("takes one line without showing it, with backspace and line kill", async () => {
    const terminal = new FakeTerminal();
    const asked = askPassword("Password: ", terminal);
    terminal.input.write("wrong\u0015séx\u007f\u007f");
    terminal.input.write("ecret\rignored");
    expect(text(await asked)).toBe("secret");
    expect(terminal.shown).toBe("Password: \n");
    expect(terminal.modes).toEqual([true, false]);
  });

  test("is cancelled by ctrl-C and by the end of the input", async () => {
    const first = new FakeTerminal();
    const interrupted = askPassword("?", first);
    first.input.write("abc\u0003");
    await expect(interrupted).rejects.toThrow("no password was entered");
    expect(first.modes).toEqual([true, false]);
    const second = new FakeTerminal();
    const ended = askPassword("?", second);
    second.input.end();
    await expect(ended).rejects.toThrow("no password was entered");
  });

  test("is taken back by the signal", async () => {
    const terminal = new FakeTerminal();
    const stop = new AbortController();
    const asked = askPassword("?", terminal, stop.signal);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: "wallet.cancelled" });
    expect(terminal.modes).toEqual([true, false]);
    await expect(askPassword("?", new FakeTerminal(), stop.signal)).rejects.toThrow(
      "no password was entered",
    );
  });

  test("is the last resort, and without a terminal there is no password", async () => {
    const terminal = new FakeTerminal();
    const found = findPassword(keyfile, { environment: {}, terminal });
    terminal.input.write("typed\n");
    expect(text(await found)).toBe("typed");
    expect(await findPassword(keyfile, { environment: {} })).toBeNull();
  });
});
