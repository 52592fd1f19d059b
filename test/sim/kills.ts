/**
 * Kills a validator, the whole program in a process of its own, at every point of setting weights at which something outside could tell
 * it: at each request that its node hears, before and after it is done, at each thing that the node says, and at each write
 * of its state. After a restart the window has to end with one vector, the one that is written down.
 * `bun test/sim/kills.ts [plain|timelocked [heard|said|written [FIRST]]]` goes through all points, or from one on, and prints them.
 */
import { Database } from "bun:sqlite";
import { type FSWatcher, readdirSync, watch } from "node:fs";
import { join, resolve } from "node:path";
import { asNetuid, asUid } from "../../src/base/units.ts";
import { ChainConnection } from "../../src/chain/connection.ts";
import { fetchMetagraph, fetchWeights } from "../../src/chain/metagraph.ts";
import { type Localnet, startLocalnet } from "../../src/localnet/localnet.ts";
import type { Endpoint } from "../../src/localnet/node/endpoint.ts";
import { STATE_FILE } from "../../src/validator/state/schema.ts";

const BLOCK_MS = 200;
/**
 * Long enough that a window without weights is a fault. On a busy machine a program that has just started needs five
 * seconds to lock its first weights, thrice its usual; where an epoch ends meanwhile, the round that it chose for a chain
 * of such fast blocks is out, and it does that again. Of forty blocks nothing was left for the second time. A program
 * that waits for the next window when it should not still misses this one.
 */
const TEMPO = 100;
/** How long the program waits for a block to take its weights (MIN_INCLUSION_MS of extrinsic.ts). */
const SETTLE_MS = 20_000;
const MINERS = 4;
const NETUID = asNetuid(1);
/** Steps read and write as well: there is no last point. */
const MOST_POINTS = 40;

/** Where to kill: at the n-th of its kind since the weights were due, counted from 1. */
export interface KillPoint {
  /** heard: before the node does what it was asked · said: the node did it, and its word gets lost · written: the state's file changed. */
  at: "heard" | "said" | "written";
  number: number;
  /** Only requests and answers of this method count. */
  method?: string;
  /** The chain goes on before the restart, so that what was sent is in a block by then. */
  chainGoesOn: boolean;
}

export interface KillOutcome {
  /** What it died of; undefined where the point never came. */
  killedAt: string | undefined;
  /** Extrinsics of the validator that the chain took in the window. */
  taken: number;
  /** Whether the chain has the vector that is written down as included in the block of the last update. */
  isRight: boolean;
  /** Blocks from the opening of the window to its weights; undefined without weights. */
  blocksUsed: number | undefined;
}

/** One chain and one state, on which windows and kills follow each other. */
export class KillStory {
  readonly #net: Localnet;
  readonly #connection: ChainConnection;
  /** The endpoint that the validator is told of. */
  readonly #watched: Endpoint;
  readonly #path: "plain" | "timelocked";
  #child: Bun.Subprocess | undefined;
  /** Nonce at the end of the last window, which each later vector counts in: also one between two windows. */
  #nonceBefore = 0;

  private constructor(net: Localnet, connection: ChainConnection, path: "plain" | "timelocked") {
    this.#net = net;
    this.#connection = connection;
    this.#path = path;
    this.#watched = net.node.openEndpoint();
  }

  /** Comes back after the first weights. */
  static async begin(path: "plain" | "timelocked"): Promise<KillStory> {
    const net = await startLocalnet({
      minerCount: MINERS,
      blockTimeMs: BLOCK_MS,
      port: 0,
      tempoBlocks: TEMPO,
      commitReveal: path === "timelocked",
      characters: ["good"],
    });
    const connection = await ChainConnection.connect({ endpoints: [net.endpoint] });
    const story = new KillStory(net, connection, path);
    await story.#live();
    await story.#until(async () => (await story.#lastUpdate()) > 0);
    story.#nonceBefore = await story.#nonce();
    return story;
  }

  async kill(point: KillPoint): Promise<KillOutcome> {
    const { node } = this.#net;
    const opened = (await this.#lastUpdate()) + TEMPO;
    if (this.#connection.head() > opened) throw new Error("the window is over before it is looked at");
    await this.#reach(opened - 2);
    const killedAt = await this.#killAt(point, opened + TEMPO / 4);
    if (killedAt !== undefined) {
      if (point.chainGoesOn) await this.#reach(this.#connection.head() + 3);
      // A start takes as long as a window on a busy machine.
      node.pause();
      await this.#live();
      node.resume();
    }
    await this.#reach(opened + TEMPO - 4);
    // What the chain took in the window is decided; the program may still be about to write down what it heard of it.
    node.pause();
    await this.#settled();
    node.resume();
    const taken = (await this.#nonce()) - this.#nonceBefore;
    this.#nonceBefore += taken;
    const blocksUsed = (await this.#lastUpdate()) - opened;
    return {
      killedAt,
      taken,
      isRight: await this.#isRight(opened),
      blocksUsed: blocksUsed < 0 ? undefined : blocksUsed,
    };
  }

  async end(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    await this.#connection.close();
    await this.#net.stop();
  }

  /** Starts the validator; comes back when it has read its subnet and its state. */
  async #live(): Promise<void> {
    const net = this.#net;
    this.#watched.onRequest = ({ method, params }) => {
      // Where the chain stands still its newest block is old, and the validator would take its own clock for wrong.
      if (method === "state_call" && String(params[0]).includes("metagraph")) net.node.produceBlock();
    };
    const flags = {
      netuid: String(net.netuid),
      "subtensor.chain_endpoint": this.#watched.endpoint,
      "wallet.path": net.walletPath,
      "wallet.name": net.walletName,
      "wallet.hotkey": net.walletHotkey,
      "logging.logging_dir": `${net.walletPath}/logs`,
      "models.profile": "embedded",
      "neuron.device": "cpu",
      "miners.max_requests": "0",
      "metrics.port": "0",
    };
    const words = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const child = Bun.spawn(
      [process.execPath, resolve(import.meta.dir, "../../src/main.ts"), "run", ...words, "--wandb.off"],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#child = child;
    const isReady = Promise.withResolvers<void>();
    const reading = (async () => {
      let last = "";
      for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
        if (process.env.KILLS_LOG) process.stderr.write(part);
        last = (last + part).slice(-1_000);
        if (last.includes("Registered")) isReady.resolve();
      }
    })();
    const died = this.#child.exited.then((code) => {
      throw new Error(`the validator ended with ${code}`);
    });
    // Before that line the chain has to wait for it: on a busy machine a window has passed by then.
    await Promise.race([isReady.promise, reading.then(() => died)]);
    // It dies later on, by our hand.
    died.catch(() => undefined);
  }

  /** Waits for the point and kills there. @returns what it was; undefined when `last` came first */
  async #killAt({ at, number, method }: KillPoint, last: number): Promise<string | undefined> {
    const watched = this.#watched;
    const killed = Promise.withResolvers<string>();
    let count = 0;
    let isDead = false;
    const hit = (what: string): boolean => {
      if (isDead) return true;
      if (++count !== number) return false;
      isDead = true;
      this.#child?.kill("SIGKILL");
      killed.resolve(what);
      return true;
    };
    let watcher: FSWatcher | undefined;
    if (at === "heard")
      watched.onRequest = (request) => {
        if (method !== undefined && request.method !== method) return;
        if (hit(request.method)) watched.fault("drop");
      };
    if (at === "said")
      watched.alter = ({ text, ...message }) => {
        if (isDead) return null;
        if (method !== undefined && message.method !== method) return text;
        return hit(message.method) ? null : text;
      };
    if (at === "written") {
      const state = this.#state();
      watcher = watch(state.folder, (_, name) => void (name?.startsWith(STATE_FILE) && hit(String(name))));
    }
    const isOver = this.#connection.waitForBlock(last, 60_000).then(() => undefined);
    const isGone = this.#child?.exited.then((code) => {
      if (!isDead) throw new Error(`the validator ended by itself with ${code}`);
      return killed.promise;
    });
    const what = await Promise.race([killed.promise, isOver, isGone]);
    watcher?.close();
    watched.onRequest = () => undefined;
    if (what !== undefined) await this.#child?.exited;
    watched.heal();
    return what;
  }

  /** Comes back when no weights are on their way by the program's record, or after its own deadline for that. */
  async #settled(): Promise<void> {
    for (const until = Date.now() + SETTLE_MS; Date.now() < until; await Bun.sleep(100)) {
      const open = this.#ask<{ count: number }>(
        "SELECT count(*) AS count FROM submissions WHERE state IN ('prepared', 'sent')",
      );
      if (open[0]?.count === 0) return;
    }
  }

  #ask<Row>(sql: string, ...values: number[]): Row[] {
    const database = new Database(this.#state().path, { readonly: true });
    try {
      return database.query<Row, number[]>(sql).all(...values);
    } finally {
      database.close();
    }
  }

  #state(): { folder: string; path: string } {
    const logs = join(this.#net.walletPath, "logs");
    const [path] = readdirSync(logs, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(STATE_FILE),
    );
    if (path === undefined) throw new Error("no state was written");
    return { folder: join(logs, path, ".."), path: join(logs, path) };
  }

  /** @throws Error when the chain does not get there: a verdict of an earlier block would be none */
  async #reach(block: number): Promise<void> {
    if (await this.#connection.waitForBlock(block, 120_000)) return;
    throw new Error(`block ${block} did not come; the chain is at ${this.#connection.head()}`);
  }

  async #lastUpdate(): Promise<number> {
    return (await fetchMetagraph(this.#connection, NETUID)).lastUpdate[0] ?? 0;
  }

  #nonce(): Promise<number> {
    const { validator } = this.#net;
    return this.#connection.ask("reading the nonce", async (api) =>
      (await api.rpc.system.accountNextIndex(validator)).toNumber(),
    );
  }

  async #isRight(opened: number): Promise<boolean> {
    const at = await this.#lastUpdate();
    if (at < opened) return false;
    const included = this.#ask<{ uids: string; values: string }>(
      `SELECT uids, "values" FROM submissions WHERE state = 'included' AND block = ?`,
      at,
    );
    if (included.length !== 1) return false;
    if (this.#path === "timelocked") return true;
    const row = await fetchWeights(this.#connection, NETUID, asUid(0));
    const uids = JSON.parse(included[0]!.uids) as number[];
    const values = JSON.parse(included[0]!.values) as number[];
    return JSON.stringify(row) === JSON.stringify(uids.map((uid, index) => [uid, values[index]]));
  }

  async #until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await this.#net.node.nextBlock();
  }
}

if (import.meta.main) {
  const path = process.argv[2] === "timelocked" ? "timelocked" : "plain";
  const story = await KillStory.begin(path);
  const kinds = ["heard", "said", "written"] as const;
  const chosen = kinds.filter((at) => process.argv[3] === undefined || process.argv[3] === at);
  let bad = 0;
  for (const at of chosen)
    for (let number = Number(process.argv[4] ?? 1); number <= MOST_POINTS; number++) {
      // Every other time the chain has gone on meanwhile.
      const chainGoesOn = number % 2 === 0;
      const { killedAt, taken, isRight, blocksUsed } = await story.kill({ at, number, chainGoesOn });
      const isBad = taken !== 1 || !isRight;
      if (isBad) bad++;
      process.stdout.write(
        `${path} ${at} ${number} ${chainGoesOn ? "chain goes on" : "chain waits"}: ${killedAt ?? "not reached"}, ${taken} taken${blocksUsed === undefined ? "" : ` after ${blocksUsed} blocks`}, ${isRight ? "right" : "WRONG"}\n`,
      );
      // Without weights of this window the next one has no opening that is known.
      if (isBad && blocksUsed === undefined) break;
      if (killedAt === undefined) break;
    }
  await story.end();
  process.stdout.write(`${bad} bad\n`);
  process.exit(bad === 0 ? 0 : 1);
}
