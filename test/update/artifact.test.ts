import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { isFailure } from "../../src/base/error.ts";
import { type Arrival, fetchArtifact, findRelease } from "../../src/update/artifact.ts";
import { readTrusted } from "../../src/update/trust.ts";
import { scratchFolders } from "../scratch.ts";
import { ReleaseServer } from "./release-server.ts";

const scratch = scratchFolders("artifact");
/** Does not compress, so that a download has a middle. */
const BYTES = new Uint8Array(300_000).map((_, at) => (at * 2_654_435_761) >>> (at % 24));

let server: ReleaseServer;
let folder: string;
let to: string;
beforeEach(() => {
  server = new ReleaseServer(scratch());
  server.start();
  folder = scratch();
  to = join(folder, "openvalidator");
});
afterEach(() => server.stop());

async function arrive(running?: { version: string; path: string }): Promise<Arrival> {
  const files = await readTrusted(server.source(scratch()));
  const found = (await findRelease(files, "stable/linux-x64"))!;
  return await fetchArtifact(files, found, {
    to,
    running,
    access: { retry: { firstMs: 1, maxMs: 1, attempts: 1 }, stallTimeoutMs: 200 },
  });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error("it arrived"),
    (thrown: unknown) => thrown,
  );
  if (!isFailure(error)) throw error;
  return error.code;
}

const isArtifact = (path: string): boolean => path.startsWith("/targets/");

test("an executable arrives whole, may be run, and leaves nothing beside it", async () => {
  server.release("1.1.0", BYTES);
  expect((await arrive()).form).toBe("full");
  expect(new Uint8Array(readFileSync(to))).toEqual(BYTES);
  expect(statSync(to).mode & 0o777).toBe(0o755);
  expect(readdirSync(folder)).toEqual(["openvalidator"]);
});

describe("a download", () => {
  test("goes on where it was cut", async () => {
    server.release("1.1.0", BYTES);
    server.fault = (path, request) => {
      if (!isArtifact(path) || request.headers.has("range")) return undefined;
      const file = readFileSync(join(server.repository.directory, path));
      return new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(file.subarray(0, 100_000));
          },
        }),
        { headers: { "content-length": String(file.length) } },
      );
    };
    expect(await codeOf(arrive())).toBe("update.unreachable");
    expect(existsSync(to)).toBeFalse();
    await arrive();
    expect(new Uint8Array(readFileSync(to))).toEqual(BYTES);
    expect(server.requests.filter(isArtifact)).toHaveLength(2);
  });

  test("of other bytes is not put in place, and begins anew", async () => {
    server.release("1.1.0", BYTES);
    server.fault = (path) => {
      if (!isArtifact(path)) return undefined;
      const file = readFileSync(join(server.repository.directory, path));
      file[1_000]! ^= 1;
      return new Response(file);
    };
    expect(await codeOf(arrive())).toBe("update.untrusted");
    expect(readdirSync(folder)).toEqual([]);
    server.fault = undefined;
    await arrive();
    expect(existsSync(to)).toBeTrue();
  });

  test("that never ends is refused by its signed length", async () => {
    server.release("1.1.0", BYTES);
    server.fault = (path) =>
      isArtifact(path)
        ? new Response(
            new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) }),
          )
        : undefined;
    expect(await codeOf(arrive())).toBe("update.untrusted");
    expect(existsSync(to)).toBeFalse();
  });

  test("is refused when it is not there", async () => {
    server.release("1.1.0", BYTES);
    server.fault = (path) => (isArtifact(path) ? new Response("gone", { status: 404 }) : undefined);
    expect(await codeOf(arrive())).toBe("update.untrusted");
  });

  test("to a folder that is none tells so", async () => {
    server.release("1.1.0", BYTES);
    to = join(folder, "none", "openvalidator");
    expect(await codeOf(arrive())).toBe("update.local");
  });
});

describe("what unpacks", () => {
  test("to more than was signed is cut there", async () => {
    server.release("1.1.0", Buffer.alloc(64 << 20), { unpackedBytes: 1_000_000 });
    expect(await codeOf(arrive())).toBe("update.untrusted");
    expect(readdirSync(folder).filter((name) => !name.endsWith(".part"))).toEqual([]);
  });

  test("to other bytes than were signed is refused", async () => {
    server.release("1.1.0", BYTES, { unpackedSha256: "0".repeat(64) });
    expect(await codeOf(arrive())).toBe("update.untrusted");
    expect(existsSync(to)).toBeFalse();
  });
});

describe("a difference", () => {
  const OLD = BYTES.slice(0, 250_000);
  const packed = (): Buffer => zstdCompressSync(BYTES, { dictionary: Buffer.from(OLD) });
  const running = () => {
    const path = join(folder, "running");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, OLD);
    return { version: "1.0.0", path };
  };

  test("to what runs is enough", async () => {
    const release = server.release("1.1.0", BYTES);
    server.delta("1.0.0", release, packed());
    const arrival = await arrive(running());
    expect(arrival.form).toBe("delta");
    expect(arrival.downloadedBytes).toBeLessThan(100_000);
    expect(new Uint8Array(readFileSync(to))).toEqual(BYTES);
  });

  test("that is damaged, or to another file, gives way to the whole", async () => {
    const release = server.release("1.1.0", BYTES);
    server.delta("1.0.0", release, Buffer.from("no zstd"));
    expect((await arrive(running())).form).toBe("full");
    server.delta("1.0.0", release, packed());
    const changed = running();
    writeFileSync(changed.path, "something else");
    expect((await arrive(changed)).form).toBe("full");
    expect(new Uint8Array(readFileSync(to))).toEqual(BYTES);
  });

  test("from another version is none", async () => {
    const release = server.release("1.1.0", BYTES);
    server.delta("0.9.0", release, packed());
    expect((await arrive(running())).form).toBe("full");
  });
});
