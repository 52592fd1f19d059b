import { join } from "node:path";
import { prose } from "./prose.ts";

const FIXTURES = join(import.meta.dir, "fixtures");
const ROWS = 1000;

/** What one request gets instead of its answer. */
export type Fault = (request: Request) => Response | undefined;

export interface HubDouble {
  endpoint: string;
  /** Where the hub redirects file requests to: another origin. */
  cdn: string;
  /** Requests so far: method, path, query and range. */
  seen: { origin: "hub" | "cdn"; path: string; range: string | null; authorization: string | null }[];
  /** Tried on each request; the first answer given wins. */
  faults: Fault[];
  stop(): void;
}

/**
 * A hub on loopback that answers as huggingface.co and its rows service do: lists of Parquet files by config and split,
 * files behind a redirect to another origin, byte ranges, pages of rows with truncated cells.
 */
export function startHub(): HubDouble {
  const double: HubDouble = { endpoint: "", cdn: "", seen: [], faults: [], stop: () => undefined };
  const note = (origin: "hub" | "cdn", request: Request): Response | undefined => {
    const { pathname, search } = new URL(request.url);
    const { headers } = request;
    double.seen.push({
      origin,
      path: pathname + search,
      range: headers.get("range"),
      authorization: headers.get("authorization"),
    });
    for (const fault of double.faults) {
      const answer = fault(request);
      if (answer) return answer;
    }
    return undefined;
  };
  const cdn = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => note("cdn", request) ?? (await serveFile(request)),
  });
  const hub = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => note("hub", request) ?? answer(new URL(request.url), double),
  });
  double.endpoint = hub.url.origin;
  double.cdn = cdn.url.origin;
  double.stop = () => {
    hub.stop(true);
    cdn.stop(true);
  };
  return double;
}

async function serveFile(request: Request): Promise<Response> {
  const file = Bun.file(join(FIXTURES, new URL(request.url).pathname));
  const bytes = new Uint8Array(await file.arrayBuffer());
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  if (!range) return new Response(bytes);
  const [start, end] = [Number(range[1]), Math.min(Number(range[2]) + 1, bytes.length)];
  return new Response(bytes.slice(start, end), {
    status: 206,
    headers: { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` },
  });
}

function answer({ pathname, searchParams }: URL, { cdn }: HubDouble): Response {
  const file = /^\/api\/datasets\/rivers\/all\/parquet\/\w+\/\w+\/(\w+)\.parquet$/.exec(pathname);
  if (file) return Response.redirect(`${cdn}/${file[1]}.parquet`, 302);
  if (pathname === "/api/datasets/rivers/all/parquet") {
    // The real list names the public host whatever mirror is asked.
    const url = (name: string): string =>
      `https://huggingface.co/api/datasets/rivers/all/parquet/default/train/${name}.parquet`;
    return Response.json({
      other: { train: [url("gzip")] },
      default: { test: [url("gzip")], train: [url("snappy"), url("zstd")] },
    });
  }
  if (searchParams.get("dataset") !== "rivers/rows")
    return Response.json({ error: "Not found" }, { status: 404 });
  if (pathname === "/splits")
    return Response.json({
      splits: [
        { dataset: "rivers/rows", config: "en", split: "test" },
        { dataset: "rivers/rows", config: "en", split: "train" },
      ],
    });
  if (pathname !== "/rows") return Response.json({ error: "Not found" }, { status: 404 });
  const offset = Number(searchParams.get("offset"));
  const length = Number(searchParams.get("length"));
  if (length > 100) return Response.json({ error: "length" }, { status: 422 });
  const count = Math.max(0, Math.min(length, ROWS - offset));
  const rows = Array.from({ length: count }, (_, index) => {
    const row = offset + index;
    const isTruncated = row % 4 === 0;
    const text = `${prose(row)} It is of the split ${searchParams.get("split")}.`;
    return {
      row_idx: row,
      row: { text: isTruncated ? `${text} cut` : text },
      truncated_cells: isTruncated ? ["text"] : [],
    };
  });
  return Response.json({ features: [], rows, num_rows_total: ROWS, num_rows_per_page: 100, partial: false });
}
