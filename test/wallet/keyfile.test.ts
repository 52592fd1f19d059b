import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { sr25519Sign, sr25519Verify } from "@polkadot/util-crypto";
import { Failure } from "../../src/base/error.ts";
import { configureLog } from "../../src/base/log.ts";
import { nameOfCommand } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { createWallet } from "../../src/wallet/create.ts";
import { decryptKeyFile } from "../../src/wallet/encryption.ts";
import { readColdkey, readHotkey, readPublicHotkey } from "../../src/wallet/keyfile.ts";
import { CANARY } from "../canaries.ts";
import vectors from "../golden/chain-vectors.json";
import golden from "../golden/wallet/encrypted-key-files.json";

const known = vectors.sr25519;
const root = mkdtempSync(join(tmpdir(), "wallet-test-"));
const lines: string[] = [];
let count = 0;

beforeAll(() => configureLog({ level: "trace", format: "plain", write: (line) => lines.push(line) }));
afterAll(() => {
  configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) });
  rmSync(root, { recursive: true });
});

/** Puts `content` where the hotkey of a new wallet lies; returns the wallet's name. */
function place(content: string | Uint8Array | object, mode = 0o600): string {
  const name = `w${count++}`;
  const directory = join(root, name, "hotkeys");
  mkdirSync(directory, { recursive: true });
  const data =
    typeof content === "object" && !(content instanceof Uint8Array) ? JSON.stringify(content) : content;
  writeFileSync(join(directory, "h"), data);
  chmodSync(join(directory, "h"), mode);
  return name;
}

const read = (name: string, options = {}) => readHotkey(root, name, "h", options);

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Failure)) throw new Error(`expected a Failure, got ${inspect(error)}`);
  return error;
}

describe("a key file", () => {
  const forms: Record<string, string | object> = {
    "with a secret phrase": { secretPhrase: known.mnemonic, ss58Address: known.ss58 },
    "with a seed": { secretSeed: `0x${known.mini_secret}`, ss58Address: known.ss58 },
    "with a canonical private key": {
      privateKey: `0x${known.keyfile_privateKey_canonical}`,
      ss58Address: known.ss58,
    },
    "with a private key in the ed25519 form": {
      privateKey: `0x${known.polkadotjs_secretKey}`,
      ss58Address: known.ss58,
    },
    "with nulls and the address under the old spaced name": {
      accountId: null,
      publicKey: null,
      privateKey: null,
      secretPhrase: null,
      secretSeed: `0x${known.mini_secret}`,
      " ss58Address": known.ss58,
      cryptoType: "1",
    },
    "with fields of the future": {
      secretSeed: `0x${known.mini_secret}`,
      ss58Address: known.ss58,
      accountType: 3,
      signingScheme: "x",
    },
    "of bare seed digits": known.mini_secret,
    "of bare private key digits": known.keyfile_privateKey_canonical,
    "of a bare mnemonic": `${known.mnemonic}\n`,
  };
  for (const [form, content] of Object.entries(forms)) {
    test(`${form} gives the hotkey and a secret that signs for it`, async () => {
      const secret = await read(place(content));
      expect<string>(secret.address).toBe(known.ss58);
      expect(secret.publicKey.toHex()).toBe(known.public);
      const secretKey = secret.take();
      expect(secretKey.toHex()).toBe(known.polkadotjs_secretKey);
      const message = new TextEncoder().encode("m");
      const signature = sr25519Sign(message, { publicKey: secret.publicKey, secretKey });
      expect(sr25519Verify(message, signature, secret.publicKey)).toBe(true);
    });
  }

  test("whose address is the ed25519 one of its seed gives an ed25519 key", async () => {
    const { ed25519PairFromSeed, encodeAddress } = await import("@polkadot/util-crypto");
    const { publicKey } = ed25519PairFromSeed(Uint8Array.fromHex(known.mini_secret));
    const address = encodeAddress(publicKey, 42);
    for (const cryptoType of [0, undefined]) {
      const secret = await read(
        place({ secretSeed: `0x${known.mini_secret}`, ss58Address: address, cryptoType }),
      );
      expect(secret.cryptoType).toBe("ed25519");
      expect<string>(secret.address).toBe(address);
    }
  });
});

describe("a key file is refused", () => {
  const other = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
  const cases: [string, string, string | object][] = [
    [
      "when its secret belongs to another address",
      "wallet.address-mismatch",
      { secretPhrase: known.mnemonic, ss58Address: other },
    ],
    ["when it holds no secret", "wallet.public-only", { ss58Address: known.ss58 }],
    [
      "when its mnemonic has a wrong word",
      "wallet.malformed",
      { secretPhrase: known.mnemonic.replace("about", "abandon") },
    ],
    [
      "when it is an export of polkadot.js",
      "wallet.foreign-format",
      { encoded: "x", encoding: {}, address: other },
    ],
    [
      "when its key type is unknown",
      "wallet.unsupported-crypto",
      { secretSeed: `0x${known.mini_secret}`, cryptoType: 4 },
    ],
    ["when it is not JSON", "wallet.malformed", "hello"],
    ["when it is empty", "wallet.malformed", ""],
    ["when a field has the wrong type", "wallet.malformed", { secretSeed: 5 }],
    ["when it is larger than any key file", "wallet.unreadable", "a".repeat(70_000)],
  ];
  for (const [when, code, content] of cases) {
    test(when, async () => {
      expect((await failureOf(read(place(content)))).code).toBe(code);
    });
  }

  test("with a next step that this program or btcli has", async () => {
    const foreign = await failureOf(read(place({ encoded: "x", encoding: {}, address: other })));
    // What btcli 9.23 calls it; 11.3 takes no such file for a hotkey.
    expect(foreign.hint).toContain("`btcli wallet regen-hotkey --json FILE`");
    const damaged = await failureOf(read(place("hello")));
    const named = /`openvalidator (\w+ \w+) FILE`/.exec(damaged.hint ?? "")?.[1];
    expect(COMMANDS.map(nameOfCommand)).toContain(named!);
  });

  test("when it is missing, with a next step", async () => {
    const failure = await failureOf(read("nobody"));
    expect(failure.code).toBe("wallet.missing");
    expect(failure.hint).toContain("wallet create");
  });

  test("when a name would leave the folder of wallets", async () => {
    for (const name of ["..", "a/b", "", "."])
      expect((await failureOf(readHotkey(root, name, "h"))).code).toBe("wallet.bad-name");
  });

  test("when it is a folder", async () => {
    mkdirSync(join(root, "folder", "hotkeys", "h"), { recursive: true });
    expect((await failureOf(read("folder"))).code).toBe("wallet.unreadable");
  });
});

describe("permissions", () => {
  const content = { secretSeed: `0x${known.mini_secret}`, ss58Address: known.ss58 };

  test("of others on the key file are refused with the command that takes them away", async () => {
    for (const mode of [0o640, 0o604, 0o620]) {
      const failure = await failureOf(read(place(content, mode)));
      expect(failure.code).toBe("wallet.open-permissions");
      expect(failure.hint).toContain("chmod 600");
    }
  });

  test("of others are a warning when the operator accepts them", async () => {
    const before = lines.length;
    const secret = await read(place(content, 0o644), { laxPermissions: true });
    expect<string>(secret.address).toBe(known.ss58);
    expect(lines.slice(before).join()).toContain("mode=0644");
  });

  test("are judged on the file behind a symbolic link", async () => {
    const target = place(content, 0o644);
    const name = `w${count++}`;
    mkdirSync(join(root, name, "hotkeys"), { recursive: true });
    symlinkSync(join(root, target, "hotkeys", "h"), join(root, name, "hotkeys", "h"));
    expect((await failureOf(read(name))).code).toBe("wallet.open-permissions");
    chmodSync(join(root, target, "hotkeys", "h"), 0o600);
    expect<string>((await read(name)).address).toBe(known.ss58);
  });
});

describe("createWallet", () => {
  test("writes btwallet's files, which read back as the same hotkey", async () => {
    const created = await createWallet(root, "fresh", "h", {});
    expect(created.mnemonic!.split(" ")).toHaveLength(12);
    const [secretFile, publicFile] = created.files as [string, string];
    expect(statSync(secretFile).mode & 0o777).toBe(0o600);
    const json = JSON.parse(readFileSync(secretFile, "utf8"));
    expect(Object.keys(json)).toEqual([
      "accountId",
      "publicKey",
      "privateKey",
      "secretPhrase",
      "secretSeed",
      "ss58Address",
    ]);
    expect(json.ss58Address).toBe(created.hotkey);
    for (const only of ["secretPhrase", "secretSeed", "privateKey"])
      expect((await read(place({ [only]: json[only], ss58Address: json.ss58Address }))).address).toBe(
        created.hotkey,
      );
    const open = readFileSync(publicFile, "utf8");
    for (const secret of [json.privateKey, json.secretPhrase, json.secretSeed])
      expect(open).not.toContain(secret);
    expect((await readPublicHotkey(root, "fresh", "h")).hotkey).toBe(created.hotkey);
  });

  test("makes the known key from the known mnemonic", async () => {
    const created = await createWallet(root, "known", "h", { from: { mnemonic: known.mnemonic } });
    expect<string>(created.hotkey).toBe(known.ss58);
    const json = JSON.parse(readFileSync(created.files[0]!, "utf8"));
    expect(json.privateKey).toBe(`0x${known.keyfile_privateKey_canonical}`);
    expect(json.secretSeed).toBe(`0x${known.mini_secret}`);
  });

  test("never overwrites a key and leaves the old one readable", async () => {
    const first = await createWallet(root, "twice", "h", {});
    expect((await failureOf(createWallet(root, "twice", "h", {}))).code).toBe("wallet.exists");
    expect((await read("twice")).address).toBe(first.hotkey);
  });

  test("is made of a seed as well, without words that nobody has", async () => {
    const seed = Uint8Array.fromHex(known.mini_secret);
    const made = await createWallet(root, "of-a-seed", "h", { from: { seed } });
    expect([made.hotkey as string, made.mnemonic]).toEqual([known.ss58, null]);
    expect((await readHotkey(root, "of-a-seed", "h")).address as string).toBe(known.ss58);
  });

  test("refuses a mnemonic with a wrong checksum", async () => {
    const failure = await failureOf(
      createWallet(root, "bad", "h", { from: { mnemonic: "abandon ".repeat(12) } }),
    );
    expect(failure.code).toBe("wallet.malformed");
  });
});

/** The key derivation of btwallet is slow by design: some seconds, more on a busy machine. */
const KEY_DERIVATION_TIMEOUT_MS = 60_000;

describe("an encrypted key file", () => {
  const vector = vectors.nacl_keyfile;

  test(
    "of btwallet gives the hotkey, and the password is asked for by path and wiped",
    async () => {
      const name = place(Uint8Array.fromBase64(golden.nacl));
      const asked: string[] = [];
      const given = new TextEncoder().encode(CANARY.password);
      const secret = await read(name, {
        password: async (path: string) => {
          asked.push(path);
          return given;
        },
      });
      expect(given.every((byte) => byte === 0)).toBe(true);
      expect<string>(secret.address).toBe(known.ss58);
      expect(asked).toEqual([join(root, name, "hotkeys", "h")]);

      const missing = await failureOf(read(name));
      expect(missing.code).toBe("wallet.needs-password");
      expect(missing.hint).toContain("--wallet.password_file");
      const unnamed = await failureOf(readPublicHotkey(root, name, "h"));
      expect(unnamed.code).toBe("wallet.needs-password");
      expect(unnamed.hint).toContain("regen-hotkeypub");
      writeFileSync(join(root, name, "hotkeys", "hpub.txt"), JSON.stringify({ ss58Address: known.ss58 }));
      const shown = await readPublicHotkey(root, name, "h");
      expect<string>(shown.hotkey).toBe(known.ss58);
      expect(shown.encrypted).toBe(true);
    },
    KEY_DERIVATION_TIMEOUT_MS,
  );

  test("stops deriving its key at once when the signal comes", async () => {
    const stop = new AbortController();
    const file = Uint8Array.fromBase64(vector.file_base64);
    const password = new TextEncoder().encode("wrong");
    const opening = failureOf(decryptKeyFile(file, password, stop.signal));
    stop.abort();
    expect((await opening).code).toBe("wallet.cancelled");
    expect(password.every((byte) => byte === 0)).toBe(true);
  });

  test(
    "written by btwallet does not open with a wrong password",
    async () => {
      const file = Uint8Array.fromBase64(vector.file_base64);
      const failure = await failureOf(decryptKeyFile(file, new TextEncoder().encode("wrong")));
      expect(failure.code).toBe("wallet.wrong-password");
    },
    KEY_DERIVATION_TIMEOUT_MS,
  );
});

describe("an encrypted key file that bittensor wrote", () => {
  const ansible = new TextEncoder().encode(golden.ansible);
  const fernet = new TextEncoder().encode(golden.fernet);
  const withPassword = (text: string) => ({ password: async () => new TextEncoder().encode(text) });

  test("as an Ansible vault opens with its password, as a hotkey and as a coldkey, and with no other", async () => {
    const name = place(ansible);
    writeFileSync(join(root, name, "coldkey"), ansible, { mode: 0o600 });
    const opened = [
      await read(name, withPassword(CANARY.password)),
      await readColdkey(root, name, withPassword(CANARY.password)),
    ];
    expect(opened.map(({ address }): string => address)).toEqual([known.ss58, known.ss58]);
    expect((await failureOf(read(name, withPassword("wrong")))).code).toBe("wallet.wrong-password");
    expect((await failureOf(read(name))).code).toBe("wallet.needs-password");
  }, 20_000);

  test(
    "as a Fernet token opens with its password and with no other",
    async () => {
      const name = place(fernet);
      const [opened, failure] = await Promise.all([
        read(name, withPassword(CANARY.password)),
        failureOf(read(name, withPassword("wrong"))),
      ]);
      expect<string>(opened.address).toBe(known.ss58);
      expect(failure.code).toBe("wallet.wrong-password");
    },
    KEY_DERIVATION_TIMEOUT_MS,
  );

  const files: [string, Uint8Array][] = [
    ["in the present format", Uint8Array.fromBase64(golden.nacl)],
    ["as an Ansible vault", ansible],
    ["as a Fernet token", fernet],
  ];

  test.each(files)(
    "%s and was cut or filled up is told as damaged, before seconds of work",
    async (_, file) => {
      const head = file.slice(0, 30);
      for (const broken of [head, Uint8Array.of(...head, ...new Uint8Array(9)), file.slice(0, 44)]) {
        const failure = await failureOf(
          read(place(broken), {
            password: async () => new TextEncoder().encode("x"),
            // What would begin to derive a key ends otherwise.
            signal: AbortSignal.abort(),
          }),
        );
        expect(failure.code).toBe("wallet.malformed");
        expect(failure.message + failure.hint).not.toContain(CANARY.password);
      }
    },
  );

  test("cannot make the derivation cost more: what an Ansible vault says of itself is not read", async () => {
    const [head, ...lines] = golden.ansible.split("\n");
    const labelled = [`${head!.replace("1.1", "1.2")};2147483647`, ...lines].join("\n");
    const opened = await read(place(labelled), withPassword(CANARY.password));
    expect<string>(opened.address).toBe(known.ss58);
  }, 20_000);
});

describe("secrets", () => {
  test("do not show when the secret is printed, serialised or inspected, and are handed over once", async () => {
    const secret = await read(place({ secretSeed: `0x${known.mini_secret}` }));
    for (const shown of [
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret),
      Bun.inspect({ secret }),
    ]) {
      expect(shown).toContain("[secret]");
      expect(shown).not.toContain(known.polkadotjs_secretKey.slice(0, 16));
    }
    secret.take();
    expect(() => secret.take()).toThrow("already taken");
  });

  test("never appear in an error or in the log, whatever is wrong with the file", async () => {
    // A canary in each place of a file, each file broken in another way.
    const seed = "deadbeefcafef00d".repeat(4);
    const words = "zebra zero zone zoo young youth zebra zero zone zoo young youth";
    const broken: (string | object)[] = [
      { secretSeed: `0x${seed}`, ss58Address: known.ss58 },
      { secretSeed: `0x${seed}00` },
      { privateKey: `0x${seed}${seed}`, ss58Address: known.ss58 },
      { secretPhrase: words },
      { secretPhrase: words, secretSeed: 5 },
      `{"secretSeed":"0x${seed}",`,
      `${seed}0`,
      `${words} extra`,
      words,
      { secretSeed: `0x${seed}`, cryptoType: 9 },
      { secretSeed: `0x${seed}`, ss58Address: "5bad" },
    ];
    for (const content of broken) {
      const failure = await failureOf(read(place(content)));
      const shown = [
        inspect(failure, { depth: 10, showHidden: true }),
        failure.stack ?? "",
        failure.hint ?? "",
        JSON.stringify(failure.data ?? null),
      ].join("\n");
      for (const canary of ["deadbeef", "cafef00d", "zebra", "young"]) expect(shown).not.toContain(canary);
    }
    expect(lines.join("")).not.toMatch(/deadbeef|zebra|abandon/);
  });
});
