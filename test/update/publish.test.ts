import { beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fetchArtifact, findRelease } from "../../src/update/artifact.ts";
import { readTrusted } from "../../src/update/trust.ts";
import { scratchFolders } from "../scratch.ts";

const scratch = scratchFolders("publish");
const ROOT = resolve(import.meta.dir, "../..");
const COMMIT = "d".repeat(40);

let folder: string;
beforeEach(() => {
  folder = scratch();
});
const at = (name: string): string => join(folder, name);

function tool(...words: string[]): { code: number; out: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "build.ts", ...words], {
    cwd: ROOT,
    env: {
      ...process.env,
      RELEASE_KEY: words.includes("publish") ? readFileSync(at("release.pem"), "utf8") : "",
    },
  });
  return { code: exitCode, out: `${stdout}${stderr}`.trim() };
}

function done(...words: string[]): string {
  const { code, out } = tool(...words);
  expect({ code, out }).toMatchObject({ code: 0 });
  return out;
}

/** A release as far as the tools look at it; its text does not compress, so that a difference is worth while. */
function program(version: string): string {
  const path = join(folder, version, "openvalidator");
  mkdirSync(join(folder, version), { recursive: true });
  const noise = Array.from({ length: 6_000 }, (_, index) =>
    ((index * 2_654_435_761) >>> 0).toString(36),
  ).join("\n# ");
  writeFileSync(path, `#!/bin/sh\necho '{"version":"${version}","commit":"${COMMIT}"}'\nexit\n# ${noise}\n`, {
    mode: 0o755,
  });
  return path;
}

const publicKey = (name: string): string =>
  /public key {2}([0-9a-f]{64})/.exec(done("key", at(`${name}.pem`)))![1]!;

function repository(): { release: string; online: string } {
  publicKey("root");
  const [release, online] = [publicKey("release"), publicKey("online")];
  done(
    ...["root", "--repository", at("public"), "--root-key", at("root.pem")],
    ...["--release-public", release, "--online-public", online],
  );
  return { release, online };
}

const publishing = (version: string, ...more: string[]): string =>
  done(
    ...["publish", "--repository", at("public"), "--binary", `linux-x64=${program(version)}`],
    ...["--release-key", "env:RELEASE_KEY", "--online-key", at("online.pem"), ...more],
  );

function serve(): { url: string; stop(): void } {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const file = Bun.file(join(at("public"), new URL(request.url).pathname));
      return (await file.exists()) ? new Response(file) : new Response("", { status: 404 });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => void server.stop(true) };
}

describe("the tools of those who keep releases", () => {
  test.skipIf(Bun.which("zstd") === null)(
    "make keys, a root and releases that a program takes, whole and as a difference",
    async () => {
      repository();
      publishing("1.0.0");
      const paths = publishing(
        "1.1.0",
        "--earlier",
        `1.0.0/linux-x64=${at("1.0.0/openvalidator")}`,
        "--rollout",
        "0h:100",
      );
      expect(paths.split("\n")).toEqual([
        "stable/linux-x64",
        "releases/1.1.0/linux-x64",
        "releases/1.1.0/linux-x64.from-1.0.0",
      ]);
      const server = serve();
      try {
        const files = await readTrusted({
          urls: [server.url],
          root: readFileSync(at("public/metadata/1.root.json"), "utf8"),
          cacheDirectory: at("cache"),
          builtAtMs: 0,
        });
        const found = (await findRelease(files, "stable/linux-x64"))!;
        expect(found.release).toMatchObject({ version: "1.1.0", commit: COMMIT, stateVersion: 2 });
        // What was released before stays.
        expect((await findRelease(files, "releases/1.0.0/linux-x64"))?.release.version).toBe("1.0.0");
        const running = { version: "1.0.0", path: at("1.0.0/openvalidator") };
        const arrival = await fetchArtifact(files, found, { to: at("arrived"), running });
        expect(arrival.form).toBe("delta");
        expect(arrival.downloadedBytes).toBeLessThan(statSync(at("1.1.0/openvalidator")).size / 20);
        expect(readFileSync(at("arrived"))).toEqual(readFileSync(at("1.1.0/openvalidator")));
        const verified = Bun.spawn(
          [
            process.execPath,
            "build.ts",
            "verify",
            "--url",
            server.url,
            "--root",
            at("public/metadata/1.root.json"),
            "--target",
            "linux-x64",
          ],
          { cwd: ROOT, stdout: "pipe" },
        );
        expect(await new Response(verified.stdout).text()).toStartWith(`1.1.0 ${COMMIT} `);
      } finally {
        server.stop();
      }
    },
    30_000,
  );

  test("rotate every key, and an old client follows", async () => {
    const { release } = repository();
    publishing("1.0.0");
    const online = publicKey("online2");
    publicKey("root2");
    done(
      ...[
        "root",
        "--repository",
        at("public"),
        "--root-key",
        at("root2.pem"),
        "--previous-root-key",
        at("root.pem"),
      ],
      ...["--release-public", release, "--online-public", online],
    );
    done("redate", "--repository", at("public"), "--online-key", at("online2.pem"));
    const server = serve();
    try {
      const source = {
        urls: [server.url],
        root: readFileSync(at("public/metadata/1.root.json"), "utf8"),
        builtAtMs: 0,
      };
      const files = await readTrusted({ ...source, cacheDirectory: at("cache") });
      expect((await findRelease(files, "stable/linux-x64"))?.release.version).toBe("1.0.0");
      // The key that was replaced signs nothing any more.
      done("redate", "--repository", at("public"), "--online-key", at("online.pem"));
      await expect(readTrusted({ ...source, cacheDirectory: at("other") })).rejects.toMatchObject({
        code: "update.untrusted",
      });
    } finally {
      server.stop();
    }
  }, 30_000);

  test.skipIf(Bun.which("minisign") === null)(
    "sign for people what minisign finds good",
    () => {
      publicKey("root");
      const shown = done("key", at("release.pem"));
      const online = publicKey("online");
      const release = /public key {2}([0-9a-f]{64})/.exec(shown)![1]!;
      done(
        ...["root", "--repository", at("public"), "--root-key", at("root.pem")],
        ...["--release-public", release, "--online-public", online],
      );
      publishing("1.0.0");
      const sums = at("public/releases/1.0.0/SHA256SUMS");
      const key = /minisign {4}(\S+)/.exec(shown)![1]!;
      const verify = () => Bun.spawnSync(["minisign", "-Vm", sums, "-P", key]);
      expect(verify().stdout.toString()).toContain("Signature and comment signature verified");
      writeFileSync(sums, `${readFileSync(sums, "utf8")}x`);
      expect(verify().exitCode).not.toBe(0);
    },
    30_000,
  );

  test("overwrite no key, take none from the command line, and show none", () => {
    publicKey("root");
    expect(tool("key", at("root.pem")).out).toContain("not overwritten");
    expect(statSync(at("root.pem")).mode & 0o777).toBe(0o600);
    const { code, out } = tool(
      "redate",
      "--repository",
      at("public"),
      "--online-key",
      readFileSync(at("root.pem"), "utf8"),
    );
    expect(code).toBe(1);
    expect(out).not.toContain(readFileSync(at("root.pem"), "utf8").split("\n")[1]!);
  });

  test("tell when an offline key has to be fetched", () => {
    repository();
    publishing("1.0.0");
    expect(done("redate", "--repository", at("public"), "--online-key", at("online.pem"))).toBe(
      "signed anew",
    );
  });
});
