import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFailure } from "../../src/base/error.ts";
import type { HubAccess } from "../../src/models/hub-files.ts";
import { downloadFile, listHubFiles } from "../../src/models/hub-files.ts";
import { CANARY } from "../canaries.ts";
import { sha256, startHub, streamOf, type Trick } from "./model-hub-double.ts";

const REVISION = "0123456789abcdef0123456789abcdef01234567";
const TOKEN = CANARY.hubToken;
const PATH = "onnx/model.onnx";
const WEIGHTS = new Uint8Array(200_000).map((_, index) => (index * 31) % 251);
const wanted = {
  repo: "test/model",
  revision: REVISION,
  path: PATH,
  size: WEIGHTS.length,
  sha256: sha256(WEIGHTS),
};

const SLOWEST = { bytes: 1000, windowMs: 200 };
/** Long for an answer on this machine, even a busy one. */
const QUICK_TO_GIVE_UP = { stallTimeoutMs: 500 };
const RETRY = { firstMs: 1, maxMs: 2, attempts: 3 };

let directory: string;
let part: string;
let hub: ReturnType<typeof startHub>;
let access: HubAccess;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hub-"));
  part = join(directory, "part");
  hub = startHub({ [PATH]: WEIGHTS }, REVISION);
  access = {
    endpoint: hub.endpoint,
    token: TOKEN,
    retry: RETRY,
  };
});
afterEach(async () => {
  await hub.stop();
  rmSync(directory, { recursive: true, force: true });
});

const download = async (more: Partial<HubAccess> = {}): Promise<string> =>
  await downloadFile({ ...access, ...more }, wanted, part, () => undefined);

/** The failure of a download; its whole text must not hold the token. */
async function refusal(more: Partial<HubAccess> = {}): Promise<{ code: string; text: string }> {
  try {
    await download(more);
  } catch (error) {
    if (!isFailure(error)) throw error;
    const text = [error.message, error.hint, JSON.stringify(error.data), Bun.inspect(error)].join("\n");
    expect(text).not.toContain(more.token ?? TOKEN);
    return { code: error.code, text };
  }
  throw new Error("the download was not refused");
}

describe("a download goes on", () => {
  test("where a body ended", async () => {
    hub.tricks.push("cut");
    expect(await download()).toBe(wanted.sha256);
    expect(readFileSync(part).equals(WEIGHTS)).toBe(true);
    expect(hub.ranges()).toEqual([null, "bytes=100000-"]);
  });

  test("where a connection broke", async () => {
    const starts: number[] = [];
    let hangUp = (): void => undefined;
    const server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        // Promises the rest of the file, sends a part of it, and hangs up when that has arrived.
        data(socket, request) {
          const range = /^range: bytes=(\d+)-/im.exec(request.toString());
          const from = Number(range?.[1] ?? 0);
          starts.push(from);
          const head = range
            ? `206 Partial Content\r\ncontent-range: bytes ${from}-${WEIGHTS.length - 1}/${WEIGHTS.length}`
            : "200 OK";
          socket.write(`HTTP/1.1 ${head}\r\ncontent-length: ${WEIGHTS.length - from}\r\n\r\n`);
          socket.write(WEIGHTS.slice(from, from + 50_000));
          hangUp = () => socket.end();
        },
      },
    });
    const broken = {
      ...access,
      endpoint: `http://127.0.0.1:${server.port}`,
      retry: { ...RETRY, attempts: 4 },
    };
    const onProgress = (bytes: number): void => {
      if (bytes > 0 && bytes % 50_000 === 0) hangUp();
    };
    expect(await downloadFile(broken, wanted, part, onProgress)).toBe(wanted.sha256);
    server.stop(true);
    expect(starts).toEqual([0, 50_000, 100_000, 150_000]);
  });

  test("however often a line breaks, as long as each attempt brings a good piece", async () => {
    const large = new Uint8Array(26_000_000).fill(7);
    let pieceBytes = 11_000_000;
    let asked = 0;
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        asked++;
        const range = request.headers.get("range");
        const from = Number(/\d+/.exec(range ?? "0")![0]);
        const body = streamOf([large.slice(from, from + pieceBytes)]);
        const headers = { "content-range": `bytes ${from}-${large.length - 1}/${large.length}` };
        return new Response(body, range ? { status: 206, headers } : {});
      },
    });
    const file = { ...wanted, size: large.length, sha256: sha256(large) };
    const impatient = {
      ...access,
      endpoint: `http://127.0.0.1:${server.port}`,
      retry: { ...RETRY, attempts: 2 },
    };
    expect(await downloadFile(impatient, file, part, () => undefined)).toBe(file.sha256);
    expect(asked).toBe(3);
    rmSync(part);
    pieceBytes = 1_000_000;
    await expect(downloadFile(impatient, file, part, () => undefined)).rejects.toMatchObject({
      code: "model.unreachable",
    });
    expect(asked).toBe(5);
    await server.stop(true);
  });

  test.each(["429", "500", "silent", "drip"] as const)("after %s", async (trick) => {
    hub.tricks.push(trick);
    await download(trick === "silent" ? QUICK_TO_GIVE_UP : { leastRate: SLOWEST });
    expect(readFileSync(part).equals(WEIGHTS)).toBe(true);
  });

  test("from the start at a server that knows no ranges, or answers with another one", async () => {
    for (const trick of ["no-ranges", "other-range", "416"] as const) {
      writeFileSync(part, new Uint8Array(1000));
      hub.tricks.push(trick);
      await download();
      expect(readFileSync(part).equals(WEIGHTS)).toBe(true);
      rmSync(part);
    }
    expect(hub.ranges()).toEqual(["bytes=1000-", "bytes=1000-", null, "bytes=1000-", null]);
  });

  test("from the start when the part is longer than the file", async () => {
    writeFileSync(part, new Uint8Array(WEIGHTS.length + 1));
    await download();
    expect(hub.ranges()).toEqual([null]);
  });
});

describe("a download ends", () => {
  test.each([
    ["silent", "fell silent"],
    ["drip", "sends less than 1000 bytes in 0.2 s"],
    ["500", "the hub failed (500)"],
  ] as const)("and can go on later when every attempt meets %s", async (trick, sentence) => {
    hub.tricks.push(trick, trick, trick);
    const { code, text } = await refusal(trick === "silent" ? QUICK_TO_GIVE_UP : { leastRate: SLOWEST });
    expect(code).toBe("model.unreachable");
    expect(text).toContain(sentence);
    expect(text).toContain("it goes on where it stopped");
    expect(hub.ranges()).toHaveLength(3);
  });

  test("when no server is there", async () => {
    expect((await refusal({ endpoint: "http://127.0.0.1:1" })).code).toBe("model.unreachable");
  });

  test.each([
    ["401", "HF_TOKEN", false],
    ["403", "accept the model's terms", false],
    ["404", "no such file or revision", false],
    ["gzip", "sent compressed", false],
    ["page", "web page in place of onnx/model.onnx", false],
    ["longer", "400000 bytes instead of 200000", false],
    ["shorter", "100000 bytes instead of 200000", false],
    ["endless", "longer than 200000 bytes", false],
    ["other-size", "200001 bytes instead of 200000", true],
    ["redirect-file", "to another scheme", false],
    ["redirect-loop", "more than 5 times", false],
  ] as const)("at once with %s", async (trick, sentence, hasPart) => {
    if (hasPart) writeFileSync(part, WEIGHTS.slice(0, 500));
    hub.tricks.push(trick);
    const { code, text } = await refusal();
    expect(code).toBe("model.refused");
    expect(text).toContain(sentence);
    expect(existsSync(part)).toBe(hasPart);
  });

  test.each(["wrong", "page-of-same-size"] as const)("with %s, named, and nothing is kept", async (trick) => {
    hub.tricks.push(trick);
    const { code, text } = await refusal();
    expect(code).toBe("model.corrupt");
    expect(text).toContain(PATH);
    expect(existsSync(part)).toBe(false);
  });

  test("when a public server redirects into our own network", async () => {
    hub.tricks.push("redirect-private");
    const resolve = async (): Promise<string[]> => ["93.184.216.34"];
    const { code, text } = await refusal({
      endpoint: hub.endpoint.replace("127.0.0.1", "localhost"),
      token: undefined,
      resolve,
    });
    expect(code).toBe("model.refused");
    expect(text).toContain("from a public server to a private address");
    expect(hub.requests.some(({ path }) => path === "/private")).toBe(false);
  });
});

describe("the list of files", () => {
  const list = (more: Partial<HubAccess> = {}) => listHubFiles({ ...access, ...more }, wanted.repo, REVISION);

  test("is asked for once by those who share what was listed, and again after it failed", async () => {
    const lists = new Map();
    hub.listTricks.push("429", "429", "429");
    await expect(list({ lists })).rejects.toMatchObject({ code: "model.unreachable" });
    const before = hub.requests.length;
    const [first, second] = await Promise.all([list({ lists }), list({ lists })]);
    expect(first).toBe(second);
    expect(await list({ lists })).toBe(first);
    expect(hub.requests.length).toBe(before + 1);
    await list({ lists: new Map() });
    expect(hub.requests.length).toBe(before + 2);
  });

  test("tells size and sha256", async () => {
    expect(await list()).toEqual(new Map([[PATH, { size: wanted.size, sha256: wanted.sha256 }]]));
  });

  test("names the repository where no server answers, though its name looks like a key in an address", async () => {
    const repo = "minuva/MiniLMv2-toxic-jigsaw";
    const error = await listHubFiles({ endpoint: "http://127.0.0.1:9", retry: RETRY }, repo, REVISION).catch(
      (error: unknown) => error,
    );
    expect(error).toMatchObject({
      code: "model.unreachable",
      message: expect.stringContaining(`${repo} cannot be had: http://127.0.0.1:9/`),
    });
  });

  test("has a deadline, whatever drips in", async () => {
    hub.listTricks.push("drip", "drip", "drip");
    await expect(list({ listTimeoutMs: 200 })).rejects.toMatchObject({
      code: "model.unreachable",
      message: expect.stringContaining("took longer than 0.2 s"),
    });
  });

  test.each([
    ["page", "not JSON"],
    ["gzip", "sent compressed"],
    ["403", "accept the model's terms"],
    ["redirect-file", "another scheme"],
  ] as const satisfies [Trick, string][])("is refused with %s", async (trick, sentence) => {
    hub.listTricks.push(trick);
    const error = await list().catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "model.refused" });
    expect(Bun.inspect(error)).toContain(sentence);
    expect(Bun.inspect(error)).not.toContain(TOKEN);
  });
});

describe("the token", () => {
  test("with a line end is refused and not shown", async () => {
    expect((await refusal({ token: "hf_secret\n" })).text).toContain("set HF_TOKEN again");
    expect(hub.requests).toEqual([]);
  });

  test("is not sent unencrypted to a public server", async () => {
    const resolve = async (): Promise<string[]> => ["93.184.216.34"];
    const { code, text } = await refusal({ endpoint: "http://hub.example", resolve });
    expect(code).toBe("model.refused");
    expect(text).toContain("unencrypted to hub.example");
  });

  test("is sent to the chosen server and to no other", async () => {
    await download();
    expect(hub.requests.map(({ host, authorization }) => [host, authorization])).toEqual([
      ["hub", `Bearer ${TOKEN}`],
      ["cdn", null],
    ]);
  });
});
