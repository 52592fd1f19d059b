import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { HttpAccess } from "../../src/net/http.ts";
import { fetchBytes, fetchJson } from "../../src/net/whole.ts";

const FILE = new Uint8Array(1000).map((_, index) => index % 251);
const RETRY = { firstMs: 1, maxMs: 2, attempts: 3 };

let asked: { path: string; authorization: string | null }[] = [];
let refusals: Response[] = [];
const answers: Record<string, (request: Request) => Response | Promise<Response>> = {
  "/file": (request) => {
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "") ?? [];
    if (start === undefined) return new Response(FILE);
    const headers = { "content-range": `bytes ${start}-${end}/${FILE.length}` };
    return new Response(FILE.slice(Number(start), Number(end) + 1), { status: 206, headers });
  },
  "/whole": () => new Response(FILE),
  "/other-part": () => new Response(FILE, { status: 206, headers: { "content-range": "bytes 5-9/1000" } }),
  "/text": () => new Response("no JSON"),
  "/silent": () => new Promise<Response>(() => {}),
  "/moved": () => Response.redirect("/file", 302),
  "/elsewhere": () => Response.redirect(`http://localhost:${server.port}/file`, 307),
};
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    const path = new URL(request.url).pathname;
    asked.push({ path, authorization: request.headers.get("authorization") });
    return refusals.shift() ?? answers[path]?.(request) ?? new Response("", { status: 404 });
  },
});
const at = (path: string): string => `http://127.0.0.1:${server.port}${path}`;
afterAll(() => server.stop(true));
beforeEach(() => {
  asked = [];
  refusals = [];
});

const get = (path: string, access: HttpAccess = {}, range?: { start: number; end: number }) =>
  fetchBytes({ retry: RETRY, ...access }, { url: at(path), maxBytes: 1000, ...(range && { range }) });

describe("a request for bytes", () => {
  test("gets all of a file, or a part", async () => {
    expect(await get("/moved")).toMatchObject({ bytes: FILE, totalBytes: undefined });
    const part = await get("/file", {}, { start: 10, end: 20 });
    expect(part).toMatchObject({ bytes: FILE.slice(10, 20), totalBytes: 1000 });
  });

  test("is repeated for what may pass, after the pause that the server wants", async () => {
    refusals = [
      new Response("", { status: 503 }),
      new Response("", { status: 429, headers: { "retry-after": "0.2" } }),
    ];
    const start = performance.now();
    expect((await get("/file")).bytes).toEqual(FILE);
    expect(performance.now() - start).toBeGreaterThanOrEqual(199);
    expect(asked).toHaveLength(3);
  });

  test.each([
    ["/none", {}, "HTTP status 404"],
    ["/moved", { maxRedirects: 0 }, "redirects"],
  ] as const)("of %s is refused at once with %o", async (path, access, sentence) => {
    await expect(get(path, access)).rejects.toMatchObject({
      code: "net.refused",
      retry: "no",
      message: expect.stringContaining(sentence),
    });
    expect(asked).toHaveLength(1);
  });

  test("refuses what is longer than wanted, another part, and no JSON", async () => {
    await expect(fetchBytes({}, { url: at("/file"), maxBytes: 999 })).rejects.toThrow("longer than 999");
    await expect(get("/other-part", {}, { start: 0, end: 5 })).rejects.toThrow("another part");
    await expect(get("/whole", {}, { start: 0, end: 5 })).rejects.toThrow("parts of a file");
    await expect(fetchJson({}, at("/text"), 1000)).rejects.toThrow("is not JSON");
  });

  test("ends in silence, at its deadline and at the signal", async () => {
    const once = { retry: { ...RETRY, attempts: 1 } };
    await expect(get("/silent", { ...once, stallTimeoutMs: 20 })).rejects.toThrow("fell silent");
    await expect(get("/silent", { ...once, timeoutMs: 20 })).rejects.toThrow("took longer than 0.02 s");
    const stop = new AbortController();
    const waiting = get("/silent", { signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: "deadline.aborted" });
  });

  test("shows the token to the chosen servers alone, and no query to anybody", async () => {
    const token = { value: "secret", origins: [new URL(at("/")).origin], name: "the token", setting: "T" };
    await get("/elsewhere", { token });
    expect(asked).toEqual([
      { path: "/elsewhere", authorization: "Bearer secret" },
      { path: "/file", authorization: null },
    ]);
    const failure = await get("/none?signature=hidden").catch((error: unknown) => error);
    expect(Bun.inspect(failure)).not.toContain("hidden");
  });
});
