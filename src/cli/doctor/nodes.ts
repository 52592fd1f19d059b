import { isClockWrong } from "../../base/clock-skew.ts";
import { withDeadline } from "../../base/deadline.ts";
import { log } from "../../base/log.ts";
import { printableUrl } from "../../base/url.ts";
import { fetchBlockTime } from "../../chain/block-time.ts";
import { ChainConnection } from "../../chain/connection.ts";
import { chainFailure } from "../../chain/errors.ts";
import { type Network, resolveNetwork } from "../../chain/networks.ts";
import type { Settings } from "../../config/options.ts";

/** Handshake, metadata and three attempts; a public node needs a second or two. */
const OPEN_MS = 20_000;
const READ_MS = 10_000;
/** A head that looks old is watched for this many slots: a node that goes on tells that the clock is wrong instead. */
const WATCHED_SLOTS = 2.5;
const MIN_WATCH_MS = 3_000;
const MAX_WATCH_MS = 30_000;
/** How long the slowest node may take in all. */
export const NODE_MS = OPEN_MS + READ_MS + MAX_WATCH_MS;

/** What one endpoint shows of its chain. */
export interface NodeView {
  /** Fit to be shown. */
  endpoint: string;
  connection: ChainConnection;
  head: number;
  /** This machine's time less that of the head, in milliseconds; above 0 when the head looks old. */
  skewMs: number;
  isSkewed: boolean;
  /** Whether another block came while a skewed head was watched. */
  advances: boolean;
}

export interface LostNode {
  endpoint: string;
  error: unknown;
}

export interface NodesOptions {
  networkWins: boolean;
  signal: AbortSignal;
  wallMs(): number;
  /** Replaced by tests. */
  openMs?: number;
  watchMs?: number;
}

export const isView = (node: NodeView | LostNode): node is NodeView => "connection" in node;

/** Every endpoint that the settings name, each opened by itself and all at once. */
export class Nodes {
  readonly #settings: Settings;
  readonly #options: NodesOptions;
  readonly #open = new Set<ChainConnection>();
  #nodes: Promise<(NodeView | LostNode)[]> | undefined;
  #isClosed = false;

  constructor(settings: Settings, options: NodesOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  /** @throws Failure `chain.bad-endpoint` */
  get network(): Network {
    return resolveNetwork({
      chainEndpoint: this.#settings.subtensorChainEndpoint,
      network: this.#settings.subtensorNetwork,
      networkWins: this.#options.networkWins,
    });
  }

  /** In the order of the settings. @throws Failure `chain.bad-endpoint` */
  async all(): Promise<(NodeView | LostNode)[]> {
    const { endpoints, expectedGenesis } = this.network;
    this.#nodes ??= Promise.all(endpoints.map((endpoint) => this.#look(endpoint, expectedGenesis)));
    return await this.#nodes;
  }

  /** The first endpoint that follows its chain, else the first that answers; undefined when none does. */
  async best(): Promise<NodeView | undefined> {
    const views = (await this.all()).filter(isView);
    return views.find(({ isSkewed, advances }) => !isSkewed || advances) ?? views[0];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open].map((connection) => connection.close()));
  }

  async #look(endpoint: string, expectedGenesis: string | undefined): Promise<NodeView | LostNode> {
    const shown = printableUrl(endpoint);
    const late = new AbortController();
    const signal = AbortSignal.any([late.signal, this.#options.signal]);
    try {
      // One that is overloaded is told of, not waited for.
      const patienceMs = 0;
      const opening = ChainConnection.connect({ endpoints: [endpoint], expectedGenesis, signal, patienceMs });
      const connection = await withDeadline(
        `connecting to ${shown}`,
        this.#options.openMs ?? OPEN_MS,
        opening,
      );
      this.#open.add(connection);
      if (this.#isClosed) await connection.close();
      return await this.#read(shown, connection);
    } catch (error) {
      log.debug("An endpoint cannot be used", { endpoint: shown, error });
      return { endpoint: shown, error };
    } finally {
      late.abort();
    }
  }

  async #read(endpoint: string, connection: ChainConnection): Promise<NodeView> {
    const head = connection.head();
    const timeMs = await withDeadline(
      `reading the time of a block from ${endpoint}`,
      READ_MS,
      fetchBlockTime(connection, head),
    );
    if (!Number.isFinite(timeMs))
      throw chainFailure("chain.unexpected-answer", { message: `${endpoint} gives block ${head} no time` });
    const skewMs = this.#options.wallMs() - timeMs;
    const isSkewed = isClockWrong(skewMs);
    const slotsMs = Math.max(MIN_WATCH_MS, WATCHED_SLOTS * connection.blockTimeMs);
    const watchMs = this.#options.watchMs ?? Math.min(MAX_WATCH_MS, slotsMs);
    const advances =
      isSkewed && (await connection.waitForBlock(connection.head() + 1, watchMs, this.#options.signal));
    return { endpoint, connection, head, skewMs, isSkewed, advances };
  }
}
