import type { Event } from "../../events/schema.ts";
import type { MinerBook } from "./miner-book.ts";
import { pageResponse } from "./page.ts";
import { RecentPast } from "./past.ts";
import { EventStreams, type EventStreamsState } from "./stream.ts";

const UID = /^\d{1,5}$/;

/** What the live page is made of, in memory and bounded; fed by the events, asked by the HTTP server. */
export class LivePage {
  readonly #past = new RecentPast();
  readonly #miners: Pick<MinerBook, "miner">;
  readonly #streams = new EventStreams();

  /** @param miners the book of the status, fed by it */
  constructor(miners: Pick<MinerBook, "miner">) {
    this.#miners = miners;
  }

  get state(): EventStreamsState {
    return this.#streams.state;
  }

  apply(event: Event): void {
    const { line, point } = this.#past.apply(event);
    this.#streams.send("line", line);
    if (point) this.#streams.send("point", point);
  }

  /** `/` */
  page(): Response {
    return pageResponse();
  }

  /** `/events`: the recent past at once, then each event as it comes. */
  events(request: Request): Response {
    if (isOfAnotherSite(request)) return refusal(403, "this stream is for the validator's own page");
    const { points, lines } = this.#past;
    return this.#streams.open(() => [{ name: "past", data: { points, lines } }], request.signal);
  }

  /** `/api/miner?uid=N`: the last answers of one miner, and what they earned for which reason. */
  miner(request: Request): Response {
    const given = new URL(request.url).searchParams.get("uid") ?? "";
    if (!UID.test(given)) return refusal(400, "give ?uid=N");
    return Response.json(this.#miners.miner(Number(given)), {
      headers: { "cache-control": "no-store", "x-content-type-options": "nosniff" },
    });
  }

  close(): void {
    this.#streams.close();
  }
}

/** Another site's page may open a stream, though it cannot read it: it would take the place of the operator's. */
function isOfAnotherSite(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  return site !== null && site !== "same-origin" && site !== "none";
}

function refusal(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
