import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CANARY } from "../canaries.ts";
import vectors from "../golden/chain-vectors.json" with { type: "json" };
import golden from "../golden/wallet/encrypted-key-files.json" with { type: "json" };
import { captured } from "./captured.ts";

const root = mkdtempSync(join(tmpdir(), "ov-wallet-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const { ss58, mnemonic } = vectors.sr25519;
mkdirSync(join(root, "w", "hotkeys"), { recursive: true });
// The quickest of the three encryptions.
writeFileSync(join(root, "w", "coldkey"), golden.ansible, { mode: 0o600 });
writeFileSync(join(root, "password"), CANARY.password, { mode: 0o600 });
writeFileSync(join(root, "words"), `${mnemonic}\n`, { mode: 0o600 });
const place = ["--wallet.path", root, "--wallet.name", "w", "--wallet.hotkey", "h"];

/** A file with a message. */
function messageOf(text: string): string {
  const path = join(root, "message");
  writeFileSync(path, text);
  return path;
}

test("wallet import repeats no secret that was given in place of a file", async () => {
  for (const secret of [mnemonic, `0x${"ab".repeat(32)}`]) {
    const { exitCode, stdout, stderr } = await captured(["wallet", "import", secret, ...place]);
    expect([exitCode, stdout]).toEqual([78, ""]);
    expect(stderr).toContain("there is no file of that name to import from");
    expect(stderr).not.toContain(secret.slice(0, 12));
  }
});

describe("wallet sign and wallet verify", () => {
  test("agree about a message in a file, by hotkey and coldkey, bare and wrapped", async () => {
    expect((await captured(["wallet", "import", join(root, "words"), ...place])).exitCode).toBe(0);
    const file = messageOf("This is mine.");
    const unlocked = [...place, "--wallet.password_file", join(root, "password")];
    for (const [key, more] of [
      ["hotkey", []],
      ["coldkey", ["--coldkey"]],
      ["hotkey", ["--bytes"]],
    ] as const) {
      const { stdout } = await captured(["wallet", "sign", file, ...unlocked, ...more, "--json"]);
      const signed = JSON.parse(stdout);
      const wrapped = more.some((flag) => flag === "--bytes");
      expect(signed).toMatchObject({
        signer_address: ss58,
        key,
        crypto_type: "sr25519",
        wrapped,
        message_bytes: 13,
      });
      const verified = await captured(["wallet", "verify", ss58, signed.signed_message, file, "--json"]);
      expect(verified.exitCode).toBe(0);
      expect(JSON.parse(verified.stdout)).toEqual({
        verified: true,
        signer: ss58,
        crypto_type: "sr25519",
        wrapped,
      });
    }
  });

  test("tell of a line end that nobody signed, and of another message", async () => {
    const { stdout } = await captured(["wallet", "sign", messageOf("hi"), ...place, "--json"]);
    const { signed_message: signature } = JSON.parse(stdout);
    const words = ["wallet", "verify", ss58, `0x01${signature}`];
    const good = await captured([...words, messageOf("hi")]);
    expect(good).toMatchObject({
      exitCode: 0,
      stdout: `Good: ${ss58} signed this message (sr25519, as it is).\n`,
    });
    const longer = await captured([...words, messageOf("hi\n")]);
    expect(longer).toMatchObject({
      exitCode: 65,
      stdout: expect.stringContaining("without its last line end"),
    });
    const other = await captured([...words, messageOf("hello\n")]);
    expect(other).toMatchObject({ exitCode: 65, stdout: expect.not.stringContaining("line end") });
    expect((await captured(["wallet", "sign", messageOf("hi\n"), ...place])).stdout).toContain(
      "Message    3 bytes, the last of them a line end; signed as it is",
    );
  });

  test("take a message in hexadecimal digits, and a public key for the address", async () => {
    const { stdout } = await captured(["wallet", "sign", messageOf("0x6869\n"), "--hex", ...place, "--json"]);
    const { signed_message: signature } = JSON.parse(stdout);
    const key = `0x${vectors.sr25519.public}`;
    expect((await captured(["wallet", "verify", key, signature, messageOf("hi")])).exitCode).toBe(0);
  });

  test.each<[string[], number, string]>([
    [["wallet", "verify", "5Abc", "00".repeat(64), "FILE"], 64, "neither an SS58 address nor a public key"],
    [["wallet", "verify", ss58, "0x02", "FILE"], 64, "not a signature of 128 hexadecimal digits"],
    [["wallet", "verify", ss58], 64, "needs ADDRESS SIGNATURE [FILE]"],
    [["wallet", "sign", "FILE", "--hex", ...place], 64, "not in hexadecimal digits"],
    [["wallet", "sign", join(root, "nowhere"), ...place], 78, "there is no file"],
    [["wallet", "verify", ss58, "02".repeat(64), root], 73, "is a folder, and a message is read from a file"],
    [["wallet", "sign", "FILE", "--coldkey", ...place.with(3, "nobody")], 78, "btcli wallet new-coldkey"],
    [["wallet", "sign", "FILE", ...place.with(3, "nobody")], 78, "there is no key file"],
    [["wallet", "sign", "FILE", "--coldkey", ...place], 78, "is encrypted and no password was given"],
  ])("%p is refused with a sentence", async (words, exitCode, sentence) => {
    const file = messageOf("hi");
    const got = await captured(words.map((word) => (word === "FILE" ? file : word)));
    expect(got).toMatchObject({ exitCode, stdout: "", stderr: expect.stringContaining(sentence) });
  });
});
