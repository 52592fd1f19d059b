import { beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchArtifact, findRelease } from "../../src/update/artifact.ts";
import type { Release } from "../../src/update/release.ts";
import { endingSoon } from "../../src/update/repository/publish.ts";
import { UpdateRepository } from "../../src/update/repository/repository.ts";
import { readTrusted } from "../../src/update/trust.ts";
import { scratchFolders } from "../scratch.ts";
import { builtRelease, COMMIT, done, PLATFORM, serve, tool } from "./releasing.ts";

const scratch = scratchFolders("publish");
const TIMEOUT_MS = 30_000;

let folder: string;
beforeEach(() => {
  folder = scratch();
});
const at = (name: string): string => join(folder, name);
const rootText = (): string => readFileSync(at("public/metadata/1.root.json"), "utf8");

/** Makes keys and the first root. @returns what `key` says of the release key */
function repository(): string {
  done(["key", at("root.pem")]);
  const said = done(["key", at("release.pem")]);
  done(["key", at("online.pem")]);
  done([
    ...["root", "--repository", at("public"), "--root-key", at("root.pem"), "--root-public", at("root.pub")],
    ...["--release-public", at("release.pub"), "--online-public", at("online.pub")],
  ]);
  return said;
}

const signing = (...more: string[]): string[] => [
  ...[
    "sign",
    "--repository",
    at("public"),
    "--release-key",
    "env:RELEASE_KEY",
    "--online-key",
    at("online.pem"),
  ],
  ...more,
];
const secret = () => ({ RELEASE_KEY: readFileSync(at("release.pem"), "utf8") });

async function release(version: string, ...more: string[]): Promise<string[]> {
  const from = await builtRelease(at(version), version, rootText());
  return done(signing("--from", from, ...more), secret()).split("\n");
}

describe("the tools of those who keep releases", () => {
  test.skipIf(Bun.which("zstd") === null)(
    "make keys, a root and releases that a program takes, whole and by difference from each of the last three",
    async () => {
      repository();
      for (const version of ["0.9.0", "1.0.0", "1.1.0-rc.1", "1.1.0"]) await release(version);
      expect(await release("1.2.0", "--rollout", "0h:100")).toEqual([
        "stable/linux-x64",
        "releases/1.2.0/linux-x64",
        "releases/1.2.0/linux-x64.from-1.1.0",
        "releases/1.2.0/linux-x64.from-1.1.0-rc.1",
        "releases/1.2.0/linux-x64.from-1.0.0",
      ]);
      const server = serve(at("public"));
      try {
        const source = { urls: [server.url], root: rootText(), builtAtMs: 0 };
        const files = await readTrusted({ ...source, cacheDirectory: at("cache") });
        const found = (await findRelease(files, "stable/linux-x64"))!;
        expect(found.release).toMatchObject({ version: "1.2.0", commit: COMMIT, stateVersion: 2 });
        // What was released before stays; differences to what no channel shows do not.
        expect((await findRelease(files, "releases/1.0.0/linux-x64"))?.release.version).toBe("1.0.0");
        expect(await files.find("releases/1.1.0/linux-x64.from-1.0.0")).toBeUndefined();
        for (const version of ["1.0.0", "1.1.0"]) {
          const running = { version, path: at(`${version}/openvalidator-linux-x64`) };
          const arrival = await fetchArtifact(files, found, { to: at("arrived"), running });
          expect(arrival.form).toBe("delta");
          expect(arrival.downloadedBytes).toBeLessThan(statSync(running.path).size / 20);
          expect(readFileSync(at("arrived"))).toEqual(readFileSync(at("1.2.0/openvalidator-linux-x64")));
        }
        const words = ["verify", "--url", server.url, "--root", at("public/metadata/1.root.json")];
        const verifying = Bun.spawn(
          [process.execPath, "build.ts", "release", ...words, "--target", PLATFORM],
          { cwd: join(import.meta.dir, "../.."), stdout: "pipe" },
        );
        expect(await new Response(verifying.stdout).text()).toStartWith(`1.2.0 ${COMMIT} `);
      } finally {
        server.stop();
      }
    },
    TIMEOUT_MS,
  );

  test.skipIf(Bun.which("minisign") === null)(
    "sign for people what minisign finds good",
    async () => {
      const key = /minisign {4}(\S+)/.exec(repository())![1]!;
      await release("1.0.0");
      expect(readdirSync(at("public/releases/1.0.0")).sort()).toEqual([
        "SHA256SUMS",
        "SHA256SUMS.minisig",
        "openvalidator-linux-x64.zst",
        "openvalidator.cdx.json",
      ]);
      const sums = at("public/releases/1.0.0/SHA256SUMS");
      const verify = () => Bun.spawnSync(["minisign", "-Vm", sums, "-P", key]);
      expect(verify().stdout.toString()).toContain(`openvalidator 1.0.0 ${COMMIT}`);
      const check = ["sha256sum", "-c", "--ignore-missing", "SHA256SUMS"];
      expect(Bun.spawnSync(check, { cwd: at("public/releases/1.0.0") }).exitCode).toBe(0);
      appendFileSync(sums, "x");
      expect(verify().exitCode).not.toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "refuse what programs would refuse, before it is written",
    async () => {
      repository();
      const built = await builtRelease(at("built"), "1.0.0", rootText());
      const refused = (words: string[]): string => {
        const { code, out } = tool(words, secret());
        expect(code).toBe(1);
        return out;
      };
      const root = ["root", "--repository", at("public"), "--root-key"];
      expect(refused([...root, at("online.pem")])).toBe("root 2 needs 1 of 1 keys, and 0 of them are given");
      expect(refused([...root, at("online.pem"), "--root-public", at("online.pub")])).toBe(
        "root 1 needs 1 of 1 keys, and 0 of them are given",
      );
      const twice = ["--root-public", at("root.pub"), "--root-public", at("root.pub")];
      expect(refused([...root, at("root.pem"), ...twice])).toContain("same key twice");
      const online = [
        "sign",
        "--repository",
        at("public"),
        "--from",
        built,
        "--release-key",
        at("online.pem"),
      ];
      expect(refused([...online, "--online-key", at("online.pem")])).toStartWith(
        "a release needs 1 of 1 keys",
      );
      expect(
        refused(["redate", "--repository", at("public"), "--online-key", at("release.pem")]),
      ).toStartWith("the date of a release needs 1 of 1");
      const foreign = await builtRelease(at("foreign"), "1.0.0", '{"signed":{}}');
      expect(refused(signing("--from", foreign))).toContain("were built with a root that");
      const changed = await builtRelease(at("changed"), "1.0.0", rootText(), { commit: `${COMMIT}-changed` });
      expect(refused(signing("--from", changed))).toContain("no commit that anybody else could build");
      appendFileSync(join(built, "openvalidator-linux-x64"), "x");
      expect(refused(signing("--from", built))).toContain("is not what SHA256SUMS says");
      expect(readdirSync(at("public/metadata"))).toEqual(["1.root.json"]);
      expect(existsSync(at("public/releases"))).toBeFalse();
    },
    TIMEOUT_MS,
  );

  test(
    "tell how far back a program reads the state that a release leaves behind",
    async () => {
      repository();
      const told: string[] = [];
      for (const [version, stateVersion] of [
        ["1.0.0", 2],
        ["1.1.0", 3],
        ["1.2.0", 3],
        ["1.3.0", 3],
      ] as const) {
        const from = await builtRelease(at(version), version, rootText(), { stateVersion });
        done(signing("--from", from), secret());
        const { entries } = new UpdateRepository(at("public")).released()!;
        told.push((entries.find(({ path }) => path === "stable/linux-x64")!.custom as Release).rollbackTo);
      }
      expect(told).toEqual(["0.0.0", "1.1.0", "1.1.0", "1.1.0"]);
    },
    TIMEOUT_MS,
  );

  test("are named where a word is none of them", () => {
    expect(tool(["publish"])).toEqual({
      code: 1,
      out: "there is no release publish, but key, root, sign, redate, due, verify",
    });
  });

  test("overwrite no key, take none from the command line, and show none", () => {
    done(["key", at("root.pem")]);
    expect(tool(["key", at("root.pem")]).out).toContain("not overwritten");
    expect(statSync(at("root.pem")).mode & 0o777).toBe(0o600);
    const secret = readFileSync(at("root.pem"), "utf8");
    const { code, out } = tool(["redate", "--repository", at("public"), "--online-key", secret]);
    expect(code).toBe(1);
    expect(out).not.toContain(secret.split("\n")[1]!);
    writeFileSync(at("broken.pem"), secret.slice(0, 60));
    expect(tool(["redate", "--repository", at("public"), "--online-key", at("broken.pem")]).out).toEndWith(
      "holds no Ed25519 private key in PEM",
    );
  });

  test(
    "tell when an offline key has to be fetched",
    async () => {
      repository();
      await release("1.0.0");
      expect(tool(["due", "--repository", at("public")]).code).toBe(0);
      const later = (days: number): string[] =>
        endingSoon(new UpdateRepository(at("public")), 30, Date.now() + days * 86_400_000);
      expect(later(334)).toEqual([]);
      expect(later(336)).toEqual([expect.stringMatching(/^targets ends on/)]);
      expect(later(701)).toHaveLength(2);
    },
    TIMEOUT_MS,
  );
});
