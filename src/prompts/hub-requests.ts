import { Failure } from "../base/error.ts";
import type { BackOff } from "../base/retry.ts";
import { printableUrl } from "../base/url.ts";
import { NetFailure } from "../net/failure.ts";
import type { HttpAccess } from "../net/http.ts";
import { hubToken } from "../net/hugging-face.ts";
import { fetchBytes, fetchJson, type Received, type WantedBytes } from "../net/whole.ts";
import type { PromptsCode } from "./text-feed.ts";

/** From the first byte sent to the last received, redirects included. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Attempts spread over about a minute; the validator asks again at the next forward pass. */
const BACK_OFF: BackOff = { firstMs: 1000, maxMs: 30_000, attempts: 6 };

export interface HubAccess {
  token?: string | undefined;
  /** Servers that may see the token. */
  endpoints: readonly string[];
  backOff?: BackOff | undefined;
}

/** Requests for data of a hub, whose failures speak of datasets. */
export class HubRequests {
  readonly #access: HttpAccess;

  constructor({ token, endpoints, backOff = BACK_OFF }: HubAccess) {
    this.#access = { token: hubToken(token, endpoints), timeoutMs: REQUEST_TIMEOUT_MS, retry: backOff };
  }

  /**
   * @throws Failure `prompts.unreachable` when all attempts failed in a way that may pass; `prompts.bad-source` for an
   * answer that will stay the same (404, 401, no ranges, too large); the signal's reason
   */
  async get(wanted: WantedBytes, signal: AbortSignal): Promise<Received> {
    return await asked(wanted.url, signal, () => fetchBytes({ ...this.#access, signal }, wanted));
  }

  /** The JSON value at a URL. @throws as get(). */
  async getJson(url: string, maxBytes: number, signal: AbortSignal): Promise<unknown> {
    return await asked(url, signal, () => fetchJson({ ...this.#access, signal }, url, maxBytes));
  }
}

async function asked<T>(url: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof NetFailure)) throw error;
    const mayPass = error.code === "net.unreachable";
    throw new Failure<PromptsCode>(mayPass ? "prompts.unreachable" : "prompts.bad-source", {
      message: `a dataset cannot be read: ${error.message}`,
      hint:
        error.hint ??
        (mayPass
          ? "check the network, or give a mirror with --data.endpoint"
          : "check the dataset's name in --data.source and whether it needs a token (HF_TOKEN)"),
      data: { url: printableUrl(url) },
      cause: error,
      retry: mayPass ? "soon" : "no",
    });
  }
}
