import { isFailure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { printableUrl } from "../base/url.ts";
import type { ChainCode } from "./errors.ts";

/** A transition of the connection to the chain. */
export interface ConnectionChange {
  /**
   * connected: for the first time, or again to the endpoint of before · switched: to another endpoint · lost · lagging: an
   * endpoint was passed over because its node is behind its chain · caught-up: the next one is not · upgraded.
   */
  state: "connected" | "lost" | "switched" | "lagging" | "caught-up" | "upgraded";
  /** Fit to be shown. */
  endpoint: string;
  /** One sentence for people. */
  detail: string | null;
  /** upgraded: spec version of the runtime; null else. */
  value: number | null;
}

/** Tells what becomes of the connection to the chain: each transition once, never a state again. */
export class EndpointWatch {
  readonly #onState: (change: ConnectionChange) => void;
  /** The last endpoint that was in use. */
  #used: string | undefined;
  #isOpen = false;
  #returnsTo: string | undefined;
  #isLagging = false;
  /** Endpoints whose failure was told since the last connection, by what they failed of. */
  readonly #told = new Map<string, string>();

  constructor(onState: (change: ConnectionChange) => void = () => undefined) {
    this.#onState = onState;
  }

  /** @param age why its head counts as old, where it does */
  opened(endpoint: string, age?: string): void {
    const shown = printableUrl(endpoint);
    const isFirst = this.#used === undefined;
    const isOther = !isFirst && this.#used !== endpoint;
    // After an upgrade the same endpoint is opened anew without having been lost.
    const isNews = !this.#isOpen || isOther;
    this.#used = endpoint;
    this.#isOpen = true;
    this.#told.clear();
    if (age !== undefined)
      log.warn("No endpoint of the chain has a fresh block; the best one is used", {
        endpoint: shown,
        detail: age,
        hint: "check this machine's clock (timedatectl)",
      });
    if (this.#isLagging && age === undefined) {
      this.#isLagging = false;
      this.#tell("caught-up", shown, "the node of this endpoint is level with its chain");
    }
    if (!isNews) return;
    const isReturn = this.#returnsTo === endpoint;
    this.#returnsTo = undefined;
    if (!isFirst && !isReturn) log.info("Connected to the chain again", { endpoint: shown, isOther });
    const detail = isReturn ? "it is named before the one in use, and well again" : null;
    this.#tell(isOther ? "switched" : "connected", shown, detail);
  }

  /** The next opening is a return to an endpoint that was named earlier. */
  returning(from: string, to: string): void {
    log.info("The chain's preferred endpoint is well again, and is gone back to", {
      endpoint: printableUrl(to),
      from: printableUrl(from),
    });
    this.#returnsTo = to;
  }

  lost(endpoint: string, reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const shown = printableUrl(endpoint);
    log.warn("The connection to the chain is lost", { endpoint: shown, reason });
    this.#tell("lost", shown, reason);
  }

  /** An endpoint could not be opened. */
  failed(endpoint: string, error: unknown): void {
    const shown = printableUrl(endpoint);
    // The same endpoint fails of the same over and over while an outage lasts.
    const cause = isFailure(error) ? error.code : String(error);
    if (this.#told.get(endpoint) !== cause) {
      this.#told.set(endpoint, cause);
      log.warn("An endpoint of the chain cannot be used", { endpoint: shown, error });
    }
    if (this.#isOpen) this.lost(endpoint, "it cannot be opened again");
    if (!isFailure<ChainCode>(error, "chain.lagging") || this.#isLagging) return;
    this.#isLagging = true;
    this.#tell("lagging", shown, error.message);
  }

  upgraded(endpoint: string, from: number, to: number): void {
    log.info("The chain was upgraded", { from, to });
    this.#tell("upgraded", printableUrl(endpoint), `from spec version ${from}`, to);
  }

  #tell(
    state: ConnectionChange["state"],
    endpoint: string,
    detail: string | null,
    value: number | null = null,
  ): void {
    this.#onState({ state, endpoint, detail, value });
  }
}
