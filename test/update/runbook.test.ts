import { beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../../src/base/error.ts";
import { findRelease } from "../../src/update/artifact.ts";
import { redate, resign } from "../../src/update/repository/publish.ts";
import { UpdateRepository } from "../../src/update/repository/repository.ts";
import { readPrivateKey, signerOf } from "../../src/update/repository/signer.ts";
import { readTrusted } from "../../src/update/trust.ts";
import { scratchFolders } from "../scratch.ts";
import { builtRelease, ROOT, serve } from "./releasing.ts";

const scratch = scratchFolders("runbook");
const TIMEOUT_MS = 30_000;

/** The commands of README's section on releases, block by block. */
const BLOCKS = [
  ...readFileSync(join(ROOT, "README.md"), "utf8")
    .split("\n### Releases\n")[1]!
    .split(/\n##+ /)[0]!
    .matchAll(/```sh\n([\s\S]*?)```/g),
].map(([, text]) => text!);

/** The one block that has a word which no other has. */
function block(word: string): string {
  const found = BLOCKS.filter((text) => text.includes(word));
  expect(found).toHaveLength(1);
  return found[0]!;
}

/** Keepers of releases: their keys, their repository, and a server of it. */
class Keepers {
  readonly keys: string;
  readonly public: string;
  readonly #bin: string;

  constructor(
    readonly folder: string,
    from?: Keepers,
  ) {
    if (from !== undefined) cpSync(from.folder, folder, { recursive: true });
    [this.keys, this.public, this.#bin] = ["keys", "public", "bin"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    if (from !== undefined) return;
    for (const one of [this.keys, this.#bin]) mkdirSync(one, { recursive: true });
    symlinkSync(process.execPath, join(this.#bin, "bun"));
  }

  /** Runs commands as README has them, with other names of keys where those were replaced. */
  run(text: string, replaced: Readonly<Record<string, string>> = {}, built = ""): void {
    const script = Object.entries(replaced).reduce((all, [from, to]) => all.replaceAll(from, to), text);
    const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", "-eu", "-c", script], {
      cwd: ROOT,
      env: {
        PATH: `${this.#bin}:/usr/bin:/bin`,
        HOME: this.folder,
        KEYS: this.keys,
        PUBLIC: this.public,
        BUILT: built,
      },
    });
    expect({ exitCode, said: `${stdout}${stderr}` }).toMatchObject({ exitCode: 0 });
  }

  async release(version: string, replaced?: Readonly<Record<string, string>>): Promise<void> {
    const built = await builtRelease(join(this.folder, version), version, this.firstRoot());
    this.run(block("--from $BUILT"), replaced, built);
  }

  firstRoot(): string {
    return readFileSync(join(this.public, "metadata/1.root.json"), "utf8");
  }

  key(name: string) {
    return signerOf(readPrivateKey(join(this.keys, name), {}));
  }

  /** What a program that was built with the first root takes for the newest version; its cache is what it saw before. */
  async seen(cacheDirectory: string): Promise<string | undefined> {
    const server = serve(this.public);
    try {
      const source = { urls: [server.url], root: this.firstRoot(), cacheDirectory, builtAtMs: 0 };
      const access = { retry: { firstMs: 1, maxMs: 1, attempts: 1 } };
      return (await findRelease(await readTrusted({ ...source, access }), "stable/linux-x64"))?.release
        .version;
    } catch (error) {
      if (isFailure(error)) return error.code;
      throw error;
    } finally {
      server.stop();
    }
  }
}

let first: Keepers;
let cacheOfOld: string;
beforeAll(async () => {
  first = new Keepers(scratch());
  first.run(block("key $KEYS/release.pem\n"));
  await first.release("1.0.0");
  cacheOfOld = scratch();
  expect(await first.seen(cacheOfOld)).toBe("1.0.0");
}, TIMEOUT_MS);
/** Caches: of a program that was never asked, and of one that was asked before the key was lost. */
function clients(): [string, string] {
  const asked = join(scratch(), "asked");
  cpSync(cacheOfOld, asked, { recursive: true });
  return [join(scratch(), "never"), asked];
}

interface Loss {
  /** Word of the block that README has for it. */
  word: string;
  /** What the key of a thief does afterwards; it must not move anybody. */
  theft(keepers: Keepers, repository: UpdateRepository): void;
  /** Names of keys from then on. */
  replaced: Record<string, string>;
}

const LOSSES: Record<string, Loss> = {
  "the online key": {
    word: "online-2.pem",
    theft: (keepers, repository) => redate(repository, keepers.key("online.pem")),
    replaced: { "online.pem": "online-2.pem" },
  },
  "the release key": {
    word: "release-2.pem",
    theft: (keepers, repository) => resign(repository, keepers.key("release.pem"), keepers.key("online.pem")),
    replaced: { "release.pem": "release-2.pem" },
  },
  "root key a": {
    word: "--root-key $KEYS/root-b.pem",
    theft: (keepers, repository) =>
      repository.root(3, repository.roles()!.roles, [keepers.key("root-a.pem")]),
    replaced: { "root-a.pem": "root-b.pem" },
  },
  "root key b": {
    word: "--root-public $KEYS/root-a.pub --root-public $KEYS/root-c.pub",
    theft: (keepers, repository) =>
      repository.root(3, repository.roles()!.roles, [keepers.key("root-b.pem")]),
    replaced: {},
  },
};

describe("README's commands", () => {
  for (const [name, { word, theft, replaced }] of Object.entries(LOSSES))
    test(
      `bring programs of the first root over the loss of ${name}`,
      async () => {
        const keepers = new Keepers(join(scratch(), "keepers"), first);
        keepers.run(block(word));
        for (const cache of clients()) expect(await keepers.seen(cache)).toBe("1.0.0");
        await keepers.release("1.1.0", replaced);
        const [never, asked] = clients();
        for (const cache of [never, asked]) expect(await keepers.seen(cache)).toBe("1.1.0");
        // The root that counts now has what is needed for the renewal, with the keys that are left.
        keepers.run(block("root --repository $PUBLIC --root-key $KEYS/root-a.pem\n"), replaced);
        for (const cache of [never, asked]) expect(await keepers.seen(cache)).toBe("1.1.0");

        const stolen = new Keepers(join(scratch(), "stolen"), first);
        stolen.run(block(word));
        theft(stolen, new UpdateRepository(stolen.public));
        for (const cache of clients()) expect(await stolen.seen(cache)).toBe("update.untrusted");
      },
      TIMEOUT_MS,
    );

  test(
    "re-date and renew, from root to root",
    async () => {
      const keepers = new Keepers(join(scratch(), "keepers"), first);
      keepers.run(block("release due"));
      for (let turn = 0; turn < 2; turn++)
        keepers.run(block("root --repository $PUBLIC --root-key $KEYS/root-a.pem\n"));
      expect(new UpdateRepository(keepers.public).roles()?.version).toBe(3);
      for (const cache of clients()) expect(await keepers.seen(cache)).toBe("1.0.0");
    },
    TIMEOUT_MS,
  );
});
