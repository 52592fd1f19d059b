import { createHash, randomUUID } from "node:crypto";

/** A file of the double's storage, with or without its content. */
export interface StoredFile {
  id: string;
  name: string;
  path: string;
  bytes: Uint8Array | undefined;
  atMs: number;
}

const md5Of = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("base64");

/** What signed addresses lead to: a PUT without a key, checked by its MD5 where the headers have one. */
export class DoubleStorage {
  readonly #files = new Map<string, StoredFile>();

  make(name: string): StoredFile {
    const id = randomUUID();
    const path = `/storage/${id}/${encodeURIComponent(name)}`;
    const file: StoredFile = { id, name, path, bytes: undefined, atMs: Date.now() };
    this.#files.set(path, file);
    return file;
  }

  answer(request: Request, path: string, bytes: Uint8Array): Response {
    const file = this.#files.get(path);
    if (file === undefined) return new Response("", { status: 404 });
    if (request.headers.has("authorization") && request.method === "PUT")
      return new Response("a signed address takes no key", { status: 400 });
    if (request.method !== "PUT")
      return new Response(file.bytes && Buffer.from(file.bytes), { status: file.bytes ? 200 : 404 });
    const wanted = request.headers.get("content-md5");
    if (wanted !== null && wanted !== md5Of(bytes)) return new Response("bad digest", { status: 400 });
    file.bytes = bytes;
    file.atMs = Date.now();
    return new Response("");
  }
}

/** A file as GraphQL gives it. */
export function fileNode(origin: string, { id, name, path, bytes, atMs }: StoredFile) {
  const url = origin + path;
  const md5 = bytes === undefined ? null : md5Of(bytes);
  return {
    __typename: "File",
    id,
    name,
    displayName: name,
    url,
    directUrl: url,
    uploadUrl: url,
    uploadHeaders: [] as string[],
    storagePath: name,
    sizeBytes: bytes?.length ?? 0,
    size: bytes?.length ?? 0,
    mimetype: "application/octet-stream",
    updatedAt: new Date(atMs).toISOString(),
    md5,
    digest: md5,
  };
}

/** A page of a list; all of it, for no test has more than a page. */
export function pageOf<T>(list: readonly T[], node: (one: T) => unknown = (one) => one) {
  return {
    totalCount: list.length,
    edges: list.map((one, at) => ({ node: node(one), cursor: String(at + 1) })),
    pageInfo: { __typename: "PageInfo", endCursor: null, hasNextPage: false },
  };
}
