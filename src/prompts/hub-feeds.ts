import type { AsyncBuffer } from "hyparquet";
import { z } from "zod";
import { Failure, isFailure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { printableUrl } from "../base/url.ts";
import { columnsOf, textOf } from "./cell.ts";
import type { HubRequests } from "./hub-requests.ts";
import { ParquetTexts } from "./parquet.ts";
import type { Random } from "./templates.ts";
import type { Feed, PromptsCode } from "./text-feed.ts";

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

/** Rows of a dataset as it was when they were opened. */
interface HubRows {
  readonly columns: readonly string[];
  read(signal: AbortSignal): Promise<unknown[]>;
}

/** Texts of a dataset's Parquet files on the hub: random row groups of random files, by range requests. */
class HubParquetFiles implements HubRows {
  columns: readonly string[] = [];
  readonly #urls: string[];
  readonly #column: string | undefined;
  readonly #requests: HubRequests;
  readonly #random: Random;
  readonly #open = new Map<string, ParquetTexts>();
  /** The signal of the read in progress: hyparquet asks for bytes without one. */
  #signal: AbortSignal = AbortSignal.abort();

  private constructor(dataset: HubDataset, urls: string[], requests: HubRequests, random: Random) {
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
  ): Promise<HubParquetFiles> {
    const url = `${endpoint}/api/datasets/${dataset.repository}/parquet`;
    const list = parquetList.safeParse(await requests.getJson(url, MAX_LIST_BYTES, signal));
    const configs = list.data ?? {};
    const splits =
      configs[dataset.config ?? ("default" in configs ? "default" : Object.keys(configs)[0]!)] ?? {};
    const urls = splits[dataset.split ?? ("train" in splits ? "train" : Object.keys(splits)[0]!)] ?? [];
    if (urls.length === 0) throw noSuchSplit(dataset, Object.keys(configs));
    // The list names huggingface.co even when a mirror gives it.
    const files = urls.map((file) => new URL(new URL(file).pathname, endpoint).href);
    const feed = new HubParquetFiles(dataset, files, requests, random);
    await feed.#draw(signal);
    return feed;
  }

  async read(signal: AbortSignal): Promise<unknown[]> {
    const texts = await this.#draw(signal);
    this.columns = texts.columns;
    return await texts.read(this.#random);
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
    const { totalBytes, etag } = await this.#requests.get(probe, this.#signal);
    if (totalBytes === undefined)
      throw new Failure<PromptsCode>("prompts.bad-source", {
        message: `the size of ${printableUrl(url)} is unknown`,
      });
    return {
      byteLength: totalBytes,
      slice: async (start, end = totalBytes) => {
        const wanted = { url, range: { start, end }, maxBytes: MAX_RANGE_BYTES };
        const part = await this.#requests.get(wanted, this.#signal);
        // A footer says nothing of another file's bytes.
        if (part.totalBytes !== totalBytes || part.etag !== etag)
          throw new Failure<PromptsCode>("prompts.bad-source", {
            message: `${printableUrl(url)} was replaced meanwhile`,
          });
        return part.bytes.buffer;
      },
    };
  }
}

/** Texts of a dataset through the hub's rows service: 100 rows from a random offset. */
class HubRowsService implements HubRows {
  columns: readonly string[] = [];
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
  ): Promise<HubRowsService> {
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
    return new HubRowsService(dataset, address, first.num_rows_total, requests, random);
  }

  async read(signal: AbortSignal): Promise<unknown[]> {
    const last = Math.max(0, this.#total - ROWS_PER_REQUEST);
    const offset = Math.floor(this.#random() * (last + 1));
    const url = `${this.#address}&offset=${offset}&length=${ROWS_PER_REQUEST}`;
    const { rows, num_rows_total } = await readRows(this.#requests, url, signal);
    this.#total = num_rows_total;
    this.columns = columnsOf(rows[0]?.row);
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

/** Where and how a hub is asked. */
export interface HubPlaces {
  endpoint: string;
  rowsEndpoint: string | undefined;
  requests: HubRequests;
  random: Random;
}

/** After so long the list of a dataset's files, and their footers, are read again. */
const RELIST_MS = 10 * 60_000;

/**
 * A dataset on the hub, whose files may be replaced, renamed or split anew at any time: the list and the footers are
 * read again every ten minutes, and at once when something is not where or what it was.
 */
export class HubFeed implements Feed {
  readonly name: string;
  readonly isWhole = false;
  readonly #open: (signal: AbortSignal) => Promise<HubRows>;
  readonly #now: () => number;
  #rows: HubRows;
  #openedMs: number;

  private constructor(
    name: string,
    open: (signal: AbortSignal) => Promise<HubRows>,
    rows: HubRows,
    now: () => number,
  ) {
    this.name = name;
    this.#open = open;
    this.#rows = rows;
    this.#now = now;
    this.#openedMs = now();
  }

  /** @throws Failure `prompts.bad-source`, `prompts.unreachable` */
  static async open(
    dataset: HubDataset,
    places: HubPlaces,
    signal: AbortSignal,
    now: () => number = Date.now,
  ): Promise<HubFeed> {
    const open = (stop: AbortSignal): Promise<HubRows> => openRows(dataset, places, stop);
    return new HubFeed(`hf:${dataset.repository}`, open, await open(signal), now);
  }

  get columns(): readonly string[] {
    return this.#rows.columns;
  }

  version(): string {
    // What was drawn before the files changed is still a text of this dataset.
    return this.name;
  }

  async read(signal: AbortSignal): Promise<unknown[]> {
    if (this.#now() - this.#openedMs >= RELIST_MS) await this.#reopen(signal);
    try {
      return await this.#rows.read(signal);
    } catch (error) {
      if (!isFailure<PromptsCode>(error, "prompts.bad-source")) throw error;
      log.info("The dataset is not what it was; its files are listed anew", {
        dataset: this.name,
        reason: error.message,
      });
      await this.#reopen(signal);
      return await this.#rows.read(signal);
    }
  }

  async #reopen(signal: AbortSignal): Promise<void> {
    this.#rows = await this.#open(signal);
    this.#openedMs = this.#now();
  }
}

/**
 * A dataset's Parquet files where the hub has them, which gives about a thousand texts a request, else the rows
 * service.
 */
async function openRows(dataset: HubDataset, places: HubPlaces, signal: AbortSignal): Promise<HubRows> {
  const { endpoint, rowsEndpoint, requests, random } = places;
  try {
    return await HubParquetFiles.open(dataset, endpoint, requests, random, signal);
  } catch (error) {
    if (!isFailure<PromptsCode>(error, "prompts.bad-source") || rowsEndpoint === undefined) throw error;
    log.info("No readable Parquet files of this dataset; using the rows service", {
      dataset: dataset.repository,
      reason: error.message,
    });
    return await HubRowsService.open(dataset, rowsEndpoint, requests, random, signal);
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
