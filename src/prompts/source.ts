import { Failure, isFailure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { BackOff } from "../base/retry.ts";
import { expandPath } from "../config/paths.ts";
import { HUB, HUB_ROWS } from "../net/hugging-face.ts";
import { HubFeed } from "./hub-feeds.ts";
import { HubRequests } from "./hub-requests.ts";
import { LocalFeed } from "./local.ts";
import packaged from "./sample/passages.jsonl" with { type: "file" };
import { ShuffledTexts } from "./shuffle.ts";
import type { Random } from "./templates.ts";
import type { Feed, PromptsCode } from "./text-feed.ts";

/** Where the texts of forward passes come from. */
export interface TextSource {
  /**
   * A random text that can be asked about: prose of 200 to 20 000 characters.
   * @throws Failure `prompts.unreachable` or `prompts.no-text` when none can be had now
   */
  next(signal?: AbortSignal): Promise<string>;
  /** Ends what is under way. */
  close(): void;
}

export interface TextSourceOptions {
  /** Hub or mirror; huggingface.co when left out. */
  endpoint?: string | undefined;
  /** Rows service; the hub's own when neither this nor `endpoint` is given, else none. */
  rowsEndpoint?: string | undefined;
  token?: string | undefined;
  random?: Random;
  backOff?: BackOff;
}

/**
 * Opens texts by their names, separated by commas; each forward pass draws from one of them with equal chances, as
 * openvalidators 1.2.0 drew from openwebtext and RedPajama.
 *
 * A name is `hf:owner/name[:config[:split[:column]]]`, or a file (config/text-formats.ts) or a folder of such files,
 * with `#column` after it where the column is not `text`. Without a name: the packaged sample.
 * @throws Failure `prompts.bad-source` or `prompts.unreachable` when one of them cannot be opened; the signal's reason
 */
export async function openTextSource(
  names: string | undefined,
  options: TextSourceOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<TextSource> {
  const { random = Math.random } = options;
  if (names === undefined) return new ShuffledTexts(LocalFeed.ofFile(packaged, "jsonl", random), random);
  const feeds = await Promise.all(
    names.split(",").map((name) => openFeed(name.trim(), options, random, signal)),
  );
  const sources = feeds.map((feed) => new ShuffledTexts(feed, random));
  return sources.length === 1 ? sources[0]! : new MixedTexts(sources, random);
}

async function openFeed(
  name: string,
  options: TextSourceOptions,
  random: Random,
  signal: AbortSignal,
): Promise<Feed> {
  if (!name.startsWith("hf:")) {
    const mark = name.lastIndexOf("#");
    return mark < 0
      ? LocalFeed.open(expandPath(name), undefined, random)
      : LocalFeed.open(expandPath(name.slice(0, mark)), name.slice(mark + 1), random);
  }
  const [repository = "", config, split, column] = name.slice("hf:".length).split(":");
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository))
    throw new Failure<PromptsCode>("prompts.bad-source", {
      message: `"${name}" does not name a dataset`,
      hint: "write hf:owner/name, for example hf:Skylion007/openwebtext",
    });
  const endpoint = (options.endpoint ?? HUB).replace(/\/+$/, "");
  const rowsEndpoint = options.rowsEndpoint ?? (options.endpoint === undefined ? HUB_ROWS : undefined);
  const endpoints = rowsEndpoint === undefined ? [endpoint] : [endpoint, rowsEndpoint];
  const requests = new HubRequests({ token: options.token, endpoints, backOff: options.backOff });
  // An empty part leaves the choice to the hub, as in hf:owner/name::train.
  const dataset = {
    repository,
    config: config || undefined,
    split: split || undefined,
    column: column || undefined,
  };
  return await HubFeed.open(dataset, { endpoint, rowsEndpoint, requests, random }, signal);
}

/** Draws from one of several sources with equal chances; from another one while the drawn one has nothing. */
class MixedTexts implements TextSource {
  readonly #sources: ShuffledTexts[];
  readonly #random: Random;

  constructor(sources: ShuffledTexts[], random: Random) {
    this.#sources = sources;
    this.#random = random;
  }

  async next(signal?: AbortSignal): Promise<string> {
    const first = Math.floor(this.#random() * this.#sources.length);
    let problem: unknown;
    for (let turn = 0; turn < this.#sources.length; turn++) {
      const source = this.#sources[(first + turn) % this.#sources.length]!;
      try {
        return await source.next(signal);
      } catch (error) {
        if (!isFailure(error) || signal?.aborted) throw error;
        log.debug("A dataset has no text now; drawing from the next one", {
          dataset: source.name,
          reason: messageOf(error),
        });
        problem ??= error;
      }
    }
    throw problem;
  }

  close(): void {
    for (const source of this.#sources) source.close();
  }
}
