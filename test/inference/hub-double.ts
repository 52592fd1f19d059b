import { createHash } from "node:crypto";
import type { CatalogModel } from "../../src/inference/catalog.ts";

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const gitSha1 = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

/** What the next answers of the file host do; taken one by one, "good" when there are none. */
export type Trick = "good" | "cut" | "wrong" | "429" | "404" | "401" | "endless" | "silent";

/** A hub that redirects LFS files to a second host on loopback, as the real one does, and serves ranges there. */
export function startHub(files: Record<string, Uint8Array>, revision: string) {
  const tricks: Trick[] = [];
  const requests: { host: string; path: string; range: string | null; authorization: string | null }[] = [];
  const note = (host: string, request: Request): void => {
    const { pathname: path } = new URL(request.url);
    const { headers } = request;
    requests.push({ host, path, range: headers.get("range"), authorization: headers.get("authorization") });
  };
  const content = (path: string, range: string | null): Response => {
    const bytes = files[path]!;
    const trick = tricks.shift() ?? "good";
    if (trick === "429") return new Response("", { status: 429, headers: { "retry-after": "0" } });
    if (trick === "404") return new Response("", { status: 404 });
    if (trick === "401") return new Response("", { status: 401 });
    if (trick === "wrong") return new Response(bytes.map((byte) => byte ^ 1));
    if (trick === "endless") return new Response(new Uint8Array(bytes.length * 2));
    if (trick === "silent")
      return new Response(new ReadableStream({ start: (into) => into.enqueue(bytes.subarray(0, 10)) }));
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const rest = bytes.subarray(from, trick === "cut" ? Math.floor(bytes.length / 2) : undefined);
    const headers = {
      etag: `"${sha256(bytes)}"`,
      "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    };
    return new Response(rest.slice(), range ? { status: 206, headers } : { headers: { etag: headers.etag } });
  };
  const cdn = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      note("cdn", request);
      return content(new URL(request.url).pathname.slice(1), request.headers.get("range"));
    },
  });
  const hub = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      note("hub", request);
      const { pathname } = new URL(request.url);
      if (pathname === `/api/models/test/model/revision/${revision}`)
        return Response.json({
          siblings: Object.entries(files).map(([rfilename, bytes]) => ({
            rfilename,
            size: bytes.length,
            blobId: gitSha1(bytes),
            ...(rfilename.endsWith(".onnx") ? { lfs: { sha256: sha256(bytes), size: bytes.length } } : {}),
          })),
        });
      const path = pathname.split(`/resolve/${revision}/`)[1];
      if (path === undefined || !(path in files)) return new Response("", { status: 404 });
      if (path.endsWith(".onnx")) return Response.redirect(`http://localhost:${cdn.port}/${path}`, 302);
      return new Response(files[path]!.slice());
    },
  });
  return {
    endpoint: `http://127.0.0.1:${hub.port}`,
    tricks,
    requests,
    async stop(): Promise<void> {
      await Promise.all([hub.stop(true), cdn.stop(true)]);
    },
  };
}

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
    dtype: { webgpu: ["fp32"], cpu: ["fp32"] },
    files: [
      { path: "config.json", ...file },
      { path: "onnx/model.onnx", ...file, dtype: "fp32" },
    ],
  };
}
