import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { CatalogModel } from "../../src/models/catalog.ts";

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const gitSha1 = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

/** What the next answers of the file host do; taken one by one, "good" when there are none. */
export type Trick =
  | "good"
  /** Ends after half of the file, without a word of its length. */
  | "cut"
  /** Sends half, and the rest when release() is called. */
  | "held"
  | "wrong"
  | "endless"
  | "longer"
  | "shorter"
  | "silent"
  | "drip"
  | "gzip"
  | "page"
  | "page-of-same-size"
  | "no-ranges"
  | "other-range"
  | "other-size"
  | "redirect-file"
  | "redirect-loop"
  | "redirect-private"
  | `${401 | 403 | 404 | 416 | 429 | 500}`;

/** Files of one commit. */
export interface HubRepository {
  repo: string;
  revision: string;
  files: Record<string, Uint8Array>;
}

/**
 * A hub that redirects LFS files to a second host on loopback, as the real one does, and serves ranges there.
 * @param others further repositories, whose weights have other names than those of the first
 */
export function startHub(
  files: Record<string, Uint8Array>,
  revision: string,
  repo = "test/model",
  others: readonly HubRepository[] = [],
) {
  const repositories = [{ repo, revision, files }, ...others];
  const tricks: Trick[] = [];
  const listTricks: Trick[] = [];
  const requests: { host: string; path: string; range: string | null; authorization: string | null }[] = [];
  const held = Promise.withResolvers<void>();
  const note = (host: string, request: Request): void => {
    const { pathname: path } = new URL(request.url);
    const { headers } = request;
    requests.push({ host, path, range: headers.get("range"), authorization: headers.get("authorization") });
  };

  // As at the real one: weights lie with the file host, which knows their sha256.
  const isLarge = (path: string): boolean => /\.(?:onnx|safetensors|bin)$/.test(path);
  const play = (trick: Trick, bytes: Uint8Array, request: Request): Response => {
    const asked = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1];
    const from = Number(asked ?? 0);
    const range = (first: number, total: number): Record<string, string> => ({
      "content-range": `bytes ${first}-${bytes.length - 1}/${total}`,
    });
    const whole = asked === undefined ? {} : { status: 206, headers: range(from, bytes.length) };
    const half = Math.floor(bytes.length / 2);
    const redirect = (to: string): Response => new Response(null, { status: 302, headers: { location: to } });
    switch (trick) {
      case "good":
        return new Response(bytes.slice(from), whole);
      case "cut":
        return new Response(streamOf([bytes.slice(from, half)]), whole);
      case "held":
        return new Response(streamOf([bytes.slice(from, half), held.promise, bytes.slice(half)]), whole);
      case "wrong":
        return new Response(bytes.map((byte) => byte ^ 1));
      case "endless":
        return new Response(streamOf([bytes, bytes]));
      case "longer":
        return new Response(new Uint8Array(bytes.length * 2));
      case "shorter":
        return new Response(bytes.slice(0, half));
      case "silent":
        return new Response(streamOf([bytes.slice(0, 10), new Promise(() => {})]));
      case "drip":
        return new Response(drip(bytes.slice(from)), whole);
      case "gzip":
        return new Response(gzipSync(bytes), { headers: { "content-encoding": "gzip" } });
      case "page":
        return new Response("<html>please log in</html>", { headers: { "content-type": "text/html" } });
      case "page-of-same-size":
        return new Response("<html>please log in</html>".padEnd(bytes.length).slice(0, bytes.length), {
          headers: { "content-type": "application/octet-stream" },
        });
      case "no-ranges":
        return new Response(bytes.slice());
      case "other-range":
        return new Response(bytes.slice(), { status: 206, headers: range(0, bytes.length) });
      case "other-size":
        return new Response(bytes.slice(from), { status: 206, headers: range(from, bytes.length + 1) });
      case "redirect-file":
        return redirect("file:///etc/passwd");
      case "redirect-loop":
        tricks.unshift("redirect-loop");
        return redirect(request.url);
      case "redirect-private":
        return redirect(`http://127.0.0.1:${cdn.port}/private`);
      default:
        return new Response("", { status: Number(trick), headers: { "retry-after": "0" } });
    }
  };

  const cdn = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    fetch(request) {
      note("cdn", request);
      const path = new URL(request.url).pathname.slice(1);
      const bytes = repositories.find((one) => path in one.files)?.files[path];
      if (bytes === undefined) return new Response("", { status: 404 });
      return play(tricks.shift() ?? "good", bytes, request);
    },
  });
  const hub = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    fetch(request) {
      note("hub", request);
      const { pathname } = new URL(request.url);
      const asked = repositories.find((one) => pathname.includes(`/${one.repo}/`));
      if (asked === undefined) return new Response("", { status: 404 });
      if (pathname === `/api/models/${asked.repo}/revision/${asked.revision}`) {
        const siblings = Object.entries(asked.files).map(([rfilename, bytes]) => ({
          rfilename,
          size: bytes.length,
          blobId: gitSha1(bytes),
          ...(isLarge(rfilename) ? { lfs: { sha256: sha256(bytes), size: bytes.length } } : {}),
        }));
        return play(
          listTricks.shift() ?? "good",
          new TextEncoder().encode(JSON.stringify({ siblings })),
          request,
        );
      }
      const path = pathname.split(`/resolve/${asked.revision}/`)[1];
      if (path === undefined || !(path in asked.files)) return new Response("", { status: 404 });
      if (isLarge(path)) return Response.redirect(`http://localhost:${cdn.port}/${path}?signed=yes`, 302);
      return new Response(asked.files[path]!.slice());
    },
  });
  return {
    endpoint: `http://127.0.0.1:${hub.port}`,
    /** For the file host. */
    tricks,
    /** For the list of files. */
    listTricks,
    requests,
    release: held.resolve,
    /** What was asked of the file host, by the range. */
    ranges: () => requests.filter(({ host }) => host === "cdn").map(({ range }) => range),
    async stop(): Promise<void> {
      held.resolve();
      await Promise.all([hub.stop(true), cdn.stop(true)]);
    },
  };
}

/** Chunks in a row; a promise among them is waited for. */
export function streamOf(parts: (Uint8Array | Promise<unknown>)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(into) {
      const part = parts.shift();
      if (part === undefined) return into.close();
      if (part instanceof Uint8Array) return into.enqueue(part);
      await part;
      into.enqueue(new Uint8Array(0));
    },
  });
}

/** A byte every 20 ms. */
function drip(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval>;
  let at = 0;
  return new ReadableStream({
    start(into) {
      timer = setInterval(() => into.enqueue(bytes.slice(at, ++at)), 20);
    },
    cancel() {
      clearInterval(timer);
    },
  });
}

/** A model in two forms; nothing of it is known before the hub is asked. */
export function catalogEntry(revision: string): CatalogModel {
  const file = { size: null, sha256: null };
  return {
    id: "test-model",
    repo: "test/model",
    revision,
    roles: ["test"],
    licence: { spdx: "MIT", url: "https://example.org" },
    architecture: "bert",
    maxTokens: 16,
    dtype: { webgpu: ["fp16", "fp32"], cpu: ["fp32"] },
    files: [
      { path: "config.json", ...file },
      { path: "onnx/model.onnx", ...file, dtype: "fp32" },
      { path: "onnx/model_fp16.onnx", ...file, dtype: "fp16" },
    ],
  };
}
