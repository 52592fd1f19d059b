import { afterEach, beforeEach, describe, expect, setSystemTime, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { isFailure } from "../../src/base/error.ts";
import { findRelease } from "../../src/update/artifact.ts";
import type { UpdateCode } from "../../src/update/failure.ts";
import { newSigner } from "../../src/update/repository/signer.ts";
import { readTrusted, type UpdateSource } from "../../src/update/trust.ts";
import { scratchFolders } from "../scratch.ts";
import { ReleaseServer, roleOf } from "./release-server.ts";

const scratch = scratchFolders("trust");
const PATH = "stable/linux-x64";
const DAY_MS = 86_400_000;

let server: ReleaseServer;
let cache: string;
beforeEach(() => {
  server = new ReleaseServer(scratch());
  server.release("1.0.0", Buffer.from("first"));
  server.start();
  cache = scratch();
});
afterEach(async () => {
  setSystemTime();
  await server.stop();
});

/** What a client with this source takes for the newest version. */
async function versionSeen(source: UpdateSource = server.source(cache)): Promise<string | undefined> {
  return (await findRelease(await readTrusted(source), PATH))?.release.version;
}

async function refusal(source: UpdateSource = server.source(cache)): Promise<UpdateCode> {
  const error = await versionSeen(source).then(
    (version) => new Error(`took ${version}`),
    (thrown: unknown) => thrown,
  );
  if (!isFailure<UpdateCode>(error)) throw error;
  expect(error.message).toMatch(/^[a-z]/);
  return error.code;
}

/** Changes signed JSON without signing it again. */
function edit(
  name: string,
  change: (metadata: { signed: Record<string, unknown>; signatures: { sig: string }[] }) => void,
) {
  const metadata = JSON.parse(readFileSync(server.path(name), "utf8"));
  change(metadata);
  writeFileSync(server.path(name), JSON.stringify(metadata));
}

describe("what is ours", () => {
  test("the release of a channel, and the next one", async () => {
    expect(await versionSeen()).toBe("1.0.0");
    server.release("1.1.0", Buffer.from("second"));
    expect(await versionSeen()).toBe("1.1.0");
    expect(readdirSync(cache).sort()).toEqual([
      "root.json",
      "snapshot.json",
      "targets.json",
      "timestamp.json",
    ]);
  });

  test("a path that nothing was released for, and names of built-ins", async () => {
    const files = await readTrusted(server.source(cache));
    expect(await files.find("stable/plan9-x64")).toBeUndefined();
  });

  test("an old client follows a chain of roots, several rotations in one go", async () => {
    for (let turn = 0; turn < 4; turn++) {
      const previous = server.keys.root;
      server.keys.root = [newSigner()];
      server.rotateRoot(previous);
    }
    expect(await versionSeen()).toBe("1.0.0");
    expect(JSON.parse(readFileSync(join(cache, "root.json"), "utf8")).signed.version).toBe(5);
  });

  test("release and online keys that were lost are replaced by a new root", async () => {
    expect(await versionSeen()).toBe("1.0.0");
    server.keys.targets = [newSigner()];
    server.keys.online = [newSigner()];
    server.rotateRoot();
    server.release("1.0.1", Buffer.from("again"));
    expect(await versionSeen()).toBe("1.0.1");
  });

  test("a stolen online key that raises versions holds releases back only until the root replaces it", async () => {
    server.redate({ version: 1_000_000_000 });
    expect(await versionSeen()).toBe("1.0.0");
    server.redate({ version: 5 });
    expect(await refusal()).toBe("update.older");
    server.keys.online = [newSigner()];
    server.rotateRoot();
    server.release("1.2.0", Buffer.from("later"));
    expect(await versionSeen()).toBe("1.2.0");
  });

  test("a damaged cache is as good as none", async () => {
    await versionSeen();
    for (const file of readdirSync(cache)) writeFileSync(join(cache, file), '{"signed":');
    expect(await versionSeen()).toBe("1.0.0");
  });

  test("the second server serves when the first cannot be used", async () => {
    const source = server.source(cache);
    expect(await versionSeen({ ...source, urls: ["http://127.0.0.1:1", ...source.urls] })).toBe("1.0.0");
  });
});

describe("what is not ours", () => {
  const attacks: Record<string, [attack: () => void, code: UpdateCode]> = {
    "a flipped signature": [
      () =>
        edit("timestamp.json", ({ signatures }) => {
          const { sig } = signatures[0]!;
          signatures[0]!.sig = `${sig[0] === "0" ? "1" : "0"}${sig.slice(1)}`;
        }),
      "update.untrusted",
    ],
    "an edited timestamp": [
      () => edit("timestamp.json", ({ signed }) => Object.assign(signed, { version: 9 })),
      "update.untrusted",
    ],
    "a key that nobody knows": [() => server.redate({ signers: [newSigner()] }), "update.untrusted"],
    "the online key signing releases": [
      () => server.publish({ signers: server.keys.online }),
      "update.untrusted",
    ],
    "edited targets": [
      () => edit("1.targets.json", ({ signed }) => Object.assign(signed, { targets: {} })),
      "update.older",
    ],
    "a root by a stranger": [
      () => {
        server.keys.root = [newSigner()];
        server.rotateRoot();
      },
      "update.untrusted",
    ],
    "a root in the place of its successor": [
      () => writeFileSync(server.path("2.root.json"), server.root()),
      "update.older",
    ],
    "two keys wanted and one signature": [
      () => {
        const other = newSigner();
        server.keys.targets.push(other);
        server.rotateRoot([], undefined, {
          ...server.roles(),
          targets: roleOf(server.keys.targets, 2),
        });
        server.publish({ signers: [other] });
      },
      "update.untrusted",
    ],
    "another major version of the specification": [
      () => edit("timestamp.json", ({ signed }) => Object.assign(signed, { spec_version: "2.0.0" })),
      "update.untrusted",
    ],
    "an expired timestamp": [() => server.redate({ timestampDays: -1 }), "update.stale"],
    "an expired snapshot": [() => server.redate({ snapshotDays: -1 }), "update.stale"],
    "expired targets": [() => server.publish({ targetsDays: -1 }), "update.stale"],
    "an expired root": [() => server.rotateRoot([], -1), "update.stale"],
    "a server without anything": [
      () => rmSync(server.repository.directory, { recursive: true }),
      "update.unreachable",
    ],
    "a page of a proxy": [
      () => {
        server.fault = () => new Response("<html>log in</html>");
      },
      "update.unreachable",
    ],
    "a compressed bomb": [
      () => {
        server.fault = () =>
          new Response(gzipSync(Buffer.alloc(64 << 20)), { headers: { "content-encoding": "gzip" } });
      },
      "update.unreachable",
    ],
    "a server that wants to be left alone": [
      () => {
        server.fault = () => new Response("", { status: 429, headers: { "retry-after": "0" } });
      },
      "update.unreachable",
    ],
  };
  for (const [name, [attack, code]] of Object.entries(attacks))
    test(name, async () => {
      attack();
      expect(await refusal()).toBe(code);
    });

  test("endless metadata ends at its limit", async () => {
    let sent = 0;
    server.fault = (path) =>
      path.endsWith("timestamp.json")
        ? new Response(
            new ReadableStream({
              pull(controller) {
                sent += 65_536;
                controller.enqueue(new Uint8Array(65_536));
              },
            }),
          )
        : undefined;
    expect(await refusal()).toBe("update.unreachable");
    expect(sent).toBeLessThan(8 << 20);
  });

  test("older files than those seen before, also when only one of them is older", async () => {
    const older = readFileSync(server.path("timestamp.json"));
    server.release("1.1.0", Buffer.from("second"));
    expect(await versionSeen()).toBe("1.1.0");
    writeFileSync(server.path("timestamp.json"), older);
    expect(await refusal()).toBe("update.older");
  });

  test("the snapshot of another release", async () => {
    const older = readFileSync(server.path("1.snapshot.json"));
    server.release("1.1.0", Buffer.from("second"));
    writeFileSync(server.path("2.snapshot.json"), older);
    expect(await refusal()).toBe("update.older");
  });

  test("a clock before this program was built believes nothing", async () => {
    setSystemTime(new Date(0));
    expect(await refusal()).toBe("update.stale");
  });

  test("a server that renews nothing for longer than the online key allows", async () => {
    setSystemTime(Date.now() + 31 * DAY_MS);
    expect(await refusal()).toBe("update.stale");
  });

  test("a description that is signed and of no use", async () => {
    server.release("1.1.0", Buffer.from("x"), { version: "newest" as string });
    expect(await refusal()).toBe("update.untrusted");
  });
});

test("a root is not made with one key for two", () => {
  const [key] = server.keys.targets;
  expect(() =>
    server.rotateRoot([], undefined, {
      ...server.roles(),
      targets: roleOf([key!, key!], 2),
    }),
  ).toThrow("same key twice");
});
