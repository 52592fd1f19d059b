import type { AsyncBuffer } from "hyparquet";
import { z } from "zod";
import { Failure, isFailure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { type Feed, type PromptsCode, textOf } from "./feed.ts";
import { ParquetTexts } from "./parquet.ts";
import type { HubRequests } from "./request.ts";
import type { Random } from "./templates.ts";

/** A dataset on a hub, as in `hf:owner/name:config:split:column`; what is left out is chosen by the hub's order. */
export interface HubDataset {
  repository: string;
  config?: string | undefined;
  split?: string | undefined;
  column?: string | undefined;
}

/** Lists of files and splits: a large dataset has some thousand files. */
const MAX_LIST_BYTES = 8 * 2 ** 20;
/** As parquet.ts allows for one column of one row group, plus the footer's share. */
const MAX_RANGE_BYTES = 80 * 2 ** 20;
/** The rows service gives at most 100 rows a request. */
const ROWS_PER_REQUEST = 100;
const MAX_ROWS_BYTES = 32 * 2 ** 20;
/** Footers are some 100 KB each. */
const MAX_OPEN_FILES = 16;

/** Answer of /api/datasets/{repository}/parquet: config → split → URLs of files. */
const parquetList = z.record(z.string(), z.record(z.string(), z.array(z.string())));
const splitList = z.object({ splits: z.array(z.object({ config: z.string(), split: z.string() })) });
const rowsAnswer = z.object({
  rows: z.array(z.object({ row: z.unknown(), truncated_cells: z.array(z.string()).default([]) })),
  num_rows_total: z.int().min(0),
});

/** Texts of a dataset's Parquet files on the hub: random row groups of random files, by range requests. */
export class HubParquetFeed implements Feed {
  readonly name: string;
  readonly isWhole = false;
  readonly #urls: string[];
  readonly #column: string | undefined;
  readonly #requests: HubRequests;
  readonly #random: Random;
  readonly #open = new Map<string, ParquetTexts>();
  /** The signal of the read in progress: hyparquet asks for bytes without one. */
  #signal: AbortSignal = AbortSignal.abort();

  private constructor(dataset: HubDataset, urls: string[], requests: HubRequests, random: Random) {
    this.name = `hf:${dataset.repository}`;
    this.#urls = urls;
    this.#column = dataset.column;
    this.#requests = requests;
    this.#random = random;
  }

  /** @throws Failure `prompts.bad-source` when the hub has no Parquet files of the dataset, config or split */
  static async open(
    dataset: HubDataset,
    endpoint: string,
    requests: HubRequests,
    random: Random,
    signal: AbortSignal,
  ): Promise<HubParquetFeed> {
    const url = `${endpoint}/api/datasets/${dataset.repository}/parquet`;
    const list = parquetList.safeParse(await requests.getJson(url, MAX_LIST_BYTES, signal));
    const configs = list.data ?? {};
    const splits =
      configs[dataset.config ?? ("default" in configs ? "default" : Object.keys(configs)[0]!)] ?? {};
    const urls = splits[dataset.split ?? ("train" in splits ? "train" : Object.keys(splits)[0]!)] ?? [];
    if (urls.length === 0) throw noSuchSplit(dataset, Object.keys(configs));
    // The list names huggingface.co even when a mirror gives it.
    const files = urls.map((file) => new URL(new URL(file).pathname, endpoint).href);
    const feed = new HubParquetFeed(dataset, files, requests, random);
    await feed.#draw(signal);
    return feed;
  }

  async read(signal: AbortSignal): Promise<unknown[]> {
    return await (await this.#draw(signal)).read(this.#random);
  }

  async #draw(signal: AbortSignal): Promise<ParquetTexts> {
    this.#signal = signal;
    const url = this.#urls[Math.floor(this.#random() * this.#urls.length)]!;
    const known = this.#open.get(url);
    if (known) return known;
    const opened = await ParquetTexts.open(await this.#buffer(url), new URL(url).pathname, this.#column);
    if (this.#open.size >= MAX_OPEN_FILES) this.#open.clear();
    this.#open.set(url, opened);
    return opened;
  }

  async #buffer(url: string): Promise<AsyncBuffer> {
    const probe = { url, range: { start: 0, end: 1 }, maxBytes: 1 };
    const { totalBytes } = await this.#requests.get(probe, this.#signal);
    if (totalBytes === undefined)
      throw new Failure<PromptsCode>("prompts.bad-source", { message: `the size of ${url} is unknown` });
    return {
      byteLength: totalBytes,
      slice: async (start, end = totalBytes) => {
        const wanted = { url, range: { start, end }, maxBytes: MAX_RANGE_BYTES };
        return (await this.#requests.get(wanted, this.#signal)).bytes.buffer;
      },
    };
  }
}

/** Texts of a dataset through the hub's rows service: 100 rows from a random offset. */
export class HubRowsFeed implements Feed {
  readonly name: string;
  readonly isWhole = false;
  readonly #address: string;
  readonly #column: string | undefined;
  readonly #requests: HubRequests;
  readonly #random: Random;
  #total: number;

  private constructor(
    dataset: HubDataset,
    address: string,
    total: number,
    requests: HubRequests,
    random: Random,
  ) {
    this.name = `hf:${dataset.repository}`;
    this.#address = address;
    this.#total = total;
    this.#column = dataset.column;
    this.#requests = requests;
    this.#random = random;
  }

  /** @throws Failure `prompts.bad-source` when the service does not know the dataset, config or split */
  static async open(
    dataset: HubDataset,
    endpoint: string,
    requests: HubRequests,
    random: Random,
    signal: AbortSignal,
  ): Promise<HubRowsFeed> {
    const named = new URLSearchParams({ dataset: dataset.repository });
    const list = splitList.safeParse(
      await requests.getJson(`${endpoint}/splits?${named}`, MAX_LIST_BYTES, signal),
    );
    const splits = (list.data?.splits ?? []).filter(
      ({ config, split }) => config === (dataset.config ?? config) && split === (dataset.split ?? split),
    );
    const chosen = splits.find(({ split }) => split === "train") ?? splits[0];
    if (!chosen) throw noSuchSplit(dataset, list.data?.splits.map(({ config }) => config) ?? []);
    const query = new URLSearchParams({
      dataset: dataset.repository,
      config: chosen.config,
      split: chosen.split,
    });
    const address = `${endpoint}/rows?${query}`;
    const first = await readRows(requests, `${address}&offset=0&length=1`, signal);
    return new HubRowsFeed(dataset, address, first.num_rows_total, requests, random);
  }

  async read(signal: AbortSignal): Promise<unknown[]> {
    const last = Math.max(0, this.#total - ROWS_PER_REQUEST);
    const offset = Math.floor(this.#random() * (last + 1));
    const url = `${this.#address}&offset=${offset}&length=${ROWS_PER_REQUEST}`;
    const { rows, num_rows_total } = await readRows(this.#requests, url, signal);
    this.#total = num_rows_total;
    // A truncated cell holds the first hundred bytes of a text: too little to ask about.
    return rows
      .filter(({ truncated_cells }) => truncated_cells.length === 0)
      .map(({ row }) => textOf(row, this.#column));
  }
}

async function readRows(
  requests: HubRequests,
  url: string,
  signal: AbortSignal,
): Promise<z.infer<typeof rowsAnswer>> {
  const parsed = rowsAnswer.safeParse(await requests.getJson(url, MAX_ROWS_BYTES, signal));
  if (parsed.success) return parsed.data;
  throw new Failure<PromptsCode>("prompts.bad-source", {
    message: `the rows service gave an answer of unknown shape for ${new URL(url).search}`,
    cause: parsed.error,
  });
}

/**
 * Opens a dataset on the hub: its Parquet files where the hub has them, which gives about a thousand texts a request,
 * else the rows service.
 */
export async function openHubFeed(
  dataset: HubDataset,
  access: { endpoint: string; rowsEndpoint: string | undefined; requests: HubRequests; random: Random },
  signal: AbortSignal,
): Promise<Feed> {
  const { endpoint, rowsEndpoint, requests, random } = access;
  try {
    return await HubParquetFeed.open(dataset, endpoint, requests, random, signal);
  } catch (error) {
    if (!isFailure<PromptsCode>(error, "prompts.bad-source") || rowsEndpoint === undefined) throw error;
    log.info("No readable Parquet files of this dataset; using the rows service", {
      dataset: dataset.repository,
      reason: error.message,
    });
    return await HubRowsFeed.open(dataset, rowsEndpoint, requests, random, signal);
  }
}

function noSuchSplit(dataset: HubDataset, configs: string[]): Failure<PromptsCode> {
  const { repository, config, split } = dataset;
  const wanted = [config && `config "${config}"`, split && `split "${split}"`].filter(Boolean).join(" and ");
  return new Failure("prompts.bad-source", {
    message: `the hub has no rows of ${repository}${wanted ? ` with ${wanted}` : ""}`,
    hint: configs.length
      ? `its configs are: ${[...new Set(configs)].slice(0, 20).join(", ")}`
      : "check the name of the dataset",
  });
}
