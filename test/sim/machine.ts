import { sleep } from "../../src/base/deadline.ts";
import { messageOf } from "../../src/base/error.ts";
import { log } from "../../src/base/log.ts";
import { asNetuid } from "../../src/base/units.ts";
import { ChainConnection } from "../../src/chain/connection.ts";
import type { ExtrinsicSigner } from "../../src/chain/extrinsic.ts";
import { Clock } from "../../src/validator/clock.ts";
import { commitOf } from "../../src/validator/commit.ts";
import { metagraphDuty } from "../../src/validator/metagraph-duty.ts";
import { resume } from "../../src/validator/resume.ts";
import { followReveal } from "../../src/validator/reveals.ts";
import type { Modules, Session } from "../../src/validator/session.ts";
import { type AxonNeuron, Subtensor } from "../../src/validator/subtensor.ts";
import { settleEarlierWeights } from "../../src/validator/unsettled.ts";
import { WeightsDuty } from "../../src/validator/weights-duty.ts";
import { FakeChain, fakeModules, SETTINGS } from "../fakes/session.ts";
import { type ChainWorld, NETUID } from "./chain-world.ts";
import type { Endpoint } from "./endpoints.ts";
import type { Oracle } from "./oracle.ts";
import type { VirtualTime } from "./virtual-time.ts";

interface MachineOptions {
  world: ChainWorld;
  signer: ExtrinsicSigner;
  endpoints: readonly Endpoint[];
  time: VirtualTime;
  oracle: Oracle;
  beforeEpochBlocks: number;
}

const MECHANISM = 0;
/** What a supervisor waits before it starts a process again that ended. */
const RESTART_MS = 20_000;

/** The machine on which the validator runs: it starts it, kills it and starts it again. */
export class Machine {
  readonly #options: MachineOptions;
  #connection: ChainConnection | undefined;
  #session: Session<AxonNeuron> | undefined;
  #clock: Clock | undefined;
  #stop = new AbortController();
  #life: Promise<void> = Promise.resolve();
  #requests = 0;
  #lostAt: { block: number; ms: number } | undefined;
  readonly #recoveriesMs: number[] = [];
  slowestRecoveryBlocks = 0;
  readonly recoveries: Record<number, number> = {};
  /** How often each state of a reveal was told. */
  readonly revealsTold: Record<string, number> = {};

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  get requests(): number {
    return this.#requests + (this.#connection?.requests ?? 0);
  }

  get recoverySeconds(): { median: number; p99: number; p999: number; most: number } {
    const sorted = this.#recoveriesMs.map((ms) => ms / 1000).sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    return { median: at(0.5), p99: at(0.99), p999: at(0.999), most: at(1) };
  }

  /** Starts the validator, and again until it runs. */
  live(directory: string): Promise<void> {
    this.#stop = new AbortController();
    this.#life = this.#run(directory, this.#stop.signal);
    return this.#life;
  }

  async #run(directory: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        return await this.#start(directory, signal);
      } catch (error) {
        if (signal.aborted) return;
        log.warn("The validator ended", { error: messageOf(error) });
        await this.#close();
        await sleep(RESTART_MS, signal);
      }
    }
  }

  async #start(directory: string, signal: AbortSignal): Promise<void> {
    const { world, signer, endpoints, beforeEpochBlocks } = this.#options;
    const connection = await ChainConnection.connect({
      endpoints: endpoints.map(({ url }) => url),
      expectedGenesis: world.genesisHash,
      signal,
      onState: ({ state }) => {
        if (state === "lost") this.#lostAt ??= this.#now;
        else if (state === "connected" || state === "switched") this.#recovered();
      },
    });
    this.#connection = connection;
    const chain = new Subtensor(connection, signer, asNetuid(NETUID), 7);
    const { modules } = fakeModules(new FakeChain());
    const session = await resume({
      settings: { ...SETTINGS, beforeEpochBlocks, checkpointBlocks: 20 },
      identity: { genesis: world.genesisHash, netuid: NETUID, hotkey: signer.hotkey },
      modules: {
        ...(modules as unknown as Modules<AxonNeuron>),
        feed: {
          emit: (body) => {
            if (body.kind === "reveal")
              this.revealsTold[body.state] = (this.revealsTold[body.state] ?? 0) + 1;
          },
        },
        chain,
        time: { wallMs: Date.now, nowMs: () => performance.now(), sleep },
      },
      stateDirectory: directory,
      signal,
    });
    this.#session = session;
    // As after a history long enough.
    session.state.evidence = { countedSteps: 100, blocks: 1_000 };
    session.state.asked.fill(9);
    this.score();
    for (const commit of session.recorder.pendingReveals()) followReveal(session, commit);
    await settleEarlierWeights(session, MECHANISM).catch((error: unknown) =>
      log.warn("It cannot be told yet what became of earlier weights", { error }),
    );
    if (signal.aborted) return;
    this.#clock = new Clock(
      chain,
      [metagraphDuty(session), new WeightsDuty(session, MECHANISM)],
      (duty, error) => log.error("A duty failed and will be tried again", { duty, error }),
    );
  }

  /** Scores as steps would have left them. */
  score(): void {
    if (this.#session === undefined) return;
    const { state } = this.#session;
    const { oracle, world } = this.#options;
    const window = oracle.windowOf(world.head + 1);
    for (const { uid, hotkey, registeredAt } of state.subnet.neurons) {
      state.scores[uid] = oracle.scoreOfAddress(hotkey, registeredAt, window);
      state.asked[uid] = 9;
    }
  }

  /** Called at each block: blocks in which hardly an endpoint is there to go to do not count. */
  note(): void {
    const { endpoints } = this.#options;
    const sound = endpoints.filter(({ episode }) => episode === undefined).length;
    if (this.#lostAt !== undefined && sound < endpoints.length - 1) this.#lostAt = this.#now;
  }

  get #now(): { block: number; ms: number } {
    return { block: this.#options.world.head, ms: this.#options.time.nowMs };
  }

  #recovered(): void {
    if (this.#lostAt === undefined) return;
    const { block, ms } = this.#now;
    const took = block - this.#lostAt.block;
    const tookMs = ms - this.#lostAt.ms;
    this.recoveries[took] = (this.recoveries[took] ?? 0) + 1;
    this.#recoveriesMs.push(tookMs);
    if (took > 3) log.error("A recovery was slow", { blocks: took, seconds: tookMs / 1000, atBlock: block });
    this.slowestRecoveryBlocks = Math.max(this.slowestRecoveryBlocks, took);
    this.#lostAt = undefined;
  }

  /** From now on nothing that it sends or that is sent to it arrives. */
  kill(): void {
    for (const endpoint of this.#options.endpoints) endpoint.sever();
    this.#lostAt = undefined;
  }

  /** Clears away what a killed process leaves in this one. */
  async bury(): Promise<void> {
    this.#stop.abort();
    await this.#close();
    await this.#life;
  }

  async stop(): Promise<void> {
    await this.bury();
  }

  async #close(): Promise<void> {
    const [session, connection, clock] = [this.#session, this.#connection, this.#clock];
    this.#session = this.#connection = this.#clock = undefined;
    this.#requests += connection?.requests ?? 0;
    await connection?.close();
    await clock?.stop(60_000);
    if (session !== undefined) session.recorder.close(commitOf(session, true));
  }
}
