import { sleep } from "../../src/base/deadline.ts";
import { asBlock, asHotkey, asUid, type BlockNumber, type Hotkey, type Uid } from "../../src/base/units.ts";
import type { Memory, MemoryChanges, Outcome, Reply, ShownLayer } from "../../src/base/vocabulary.ts";
import type { EventBody } from "../../src/events/schema.ts";
import type {
  Chain,
  EarlierFate,
  EarlierWeights,
  Judge,
  Miners,
  Neuron,
  Outage,
  PendingReveal,
  ProposedWeights,
  Router,
  SentWeights,
  Subnet,
  Time,
  WeightsOrder,
} from "../../src/validator/ports.ts";
import type { Modules, ValidatorSettings } from "../../src/validator/session.ts";
import type { Registration } from "../../src/weights/scores.ts";

export const SETTINGS: ValidatorSettings = {
  netuid: 1,
  followupSampleSize: 3,
  followupTimeoutMs: 1_000,
  answerSampleSize: 3,
  answerTimeoutMs: 1_000,
  followupSteps: 1,
  concurrentForwards: 1,
  weights: 0,
  forwards: 1,
  movingAverageAlpha: 0.5,
  minBestReward: 0,
  checkpointBlocks: 5,
  epochBlocks: 0,
  vpermitTaoLimit: 4096,
  explore: 1,
  covers: false,
  shadowMiners: 0,
  setsWeights: true,
  mecids: [0],
  isDryRun: false,
  waitsForRegistration: false,
  burnsIdle: false,
  beforeEpochBlocks: 0,
  seedsScores: true,
  logRewards: true,
  showsLayer: false,
};

export function neuron(uid: number, more: Partial<Neuron> = {}): Neuron {
  return {
    uid: asUid(uid),
    hotkey: asHotkey(`key${uid}`),
    registeredAt: asBlock(1),
    isServing: true,
    hasValidatorPermit: false,
    stakeTao: 0,
    ...more,
  };
}

/** Time that passes only when somebody sleeps, and then at once. */
export class FakeTime implements Time {
  ms = 0;
  slept: number[] = [];
  /** Called with every pause, before it ends. */
  onSleep: ((ms: number) => void) | undefined;

  nowMs = () => this.ms;
  wallMs = () => this.ms;
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms);
    this.ms += ms;
    this.onSleep?.(ms);
    await sleep(0, signal);
  }
}

/** A chain that ticks when told to; `tick` comes back when the duties of that block are done. Neuron 0 is the validator. */
export class FakeChain implements Chain {
  readonly genesisHash = "0xfake";
  readonly blockTimeMs = 12_000;
  block = 100;
  chainTimeMs: number | undefined;
  tookMs = 0;
  neurons = [
    neuron(0, { hasValidatorPermit: true, stakeTao: 10_000 }),
    ...[1, 2, 3, 4].map((uid) => neuron(uid)),
  ];
  /** Who holds the uids when weights are sent, where that differs from the neurons that were read. */
  holders: Registration[] | undefined;
  ownUid = asUid(0);
  ownLastUpdate = 90;
  /** Of the subnet; one when left out. */
  mechanisms: Subnet["mechanisms"] | undefined;
  /** Mechanisms that weights were sent for, in step with `sent`. */
  sentFor: number[] = [];
  ownWeights: [Uid, number][] = [];
  sent: Float32Array[] = [];
  refusal: Error | undefined;
  path: SentWeights["path"] = "plain";
  nextEpochBlock: number | undefined;
  /** What became of weights that nobody saw arrive; never on chain when left out. */
  fate: ((earlier: readonly EarlierWeights[]) => EarlierFate) | undefined;
  /** Nonces of what was sent. */
  nonces: number[] = [];
  /** Commits that are followed, with how to end the wait. */
  followed: { pending: PendingReveal; reveal(block: BlockNumber): void; drop(error: Error): void }[] = [];
  #callback: ((block: BlockNumber) => void | Promise<void>) | undefined;

  overdue = false;
  head = () => asBlock(this.block);
  /** Height of the last final block; nothing was heard of one when left out. */
  finalBlock: number | undefined;
  finalized = () => (this.finalBlock === undefined ? undefined : asBlock(this.finalBlock));
  isOverdue = () => this.overdue;
  /** Whether an endpoint that was named earlier is to be looked at, and how often it was, with what was said of leaving then. */
  isSecondChoice = () => false;
  async preferEndpoint(_mayLeave: () => boolean): Promise<void> {}
  get isListenedTo(): boolean {
    return this.#callback !== undefined;
  }
  onHead(callback: (block: BlockNumber) => void | Promise<void>): () => void {
    this.#callback = callback;
    return () => {
      this.#callback = undefined;
    };
  }
  async tick(blocks = 1): Promise<void> {
    this.block += blocks;
    await this.#callback?.(this.head());
  }
  async fetchSubnet(): Promise<Subnet> {
    return {
      block: this.head(),
      chainTimeMs: this.chainTimeMs ?? 0,
      tookMs: this.tookMs,
      ownUid: this.ownUid,
      neurons: this.neurons,
      tempo: 20,
      weightsRateLimit: 0,
      nextEpochBlock: this.nextEpochBlock,
      mechanisms: this.mechanisms ?? [{ mecid: 0, of: 1, share: 1, ownLastUpdate: this.ownLastUpdate }],
    };
  }
  async sendWeights({ mecid, scoresFor, before, nonce, signal }: WeightsOrder): Promise<SentWeights> {
    if (this.refusal) throw this.refusal;
    signal.throwIfAborted();
    const scores = scoresFor(this.holders ?? this.neurons);
    const weights = { path: this.path, block: this.head(), uids: [1], values: [65_535] };
    before({ ...weights, nonce: nonce ?? this.nonces.length });
    this.nonces.push(nonce ?? this.nonces.length);
    this.sent.push(scores);
    this.sentFor.push(mecid);
    const common = { ...weights, extrinsicHash: `0x${this.sent.length}` };
    if (this.path === "plain") return common;
    const pending = { uid: 0, uids: [1], values: [65_535], revealBlock: this.block + 20 };
    return { ...common, revealRound: 7, pending };
  }
  async proposeWeights({ scoresFor }: Pick<WeightsOrder, "scoresFor">): Promise<ProposedWeights> {
    const scores = scoresFor(this.holders ?? this.neurons);
    const uids = [...scores.keys()].filter((uid) => scores[uid]! > 0);
    return { uids, values: uids.map(() => 65_535), lines: ["a rule"] };
  }
  async fateOf(earlier: readonly EarlierWeights[]): Promise<EarlierFate> {
    return this.fate?.(earlier) ?? { state: "gone" };
  }
  followReveal(pending: PendingReveal): Promise<BlockNumber> {
    return new Promise((resolve, reject) => this.followed.push({ pending, reveal: resolve, drop: reject }));
  }
  async readOwnWeights(): Promise<[Uid, number][]> {
    return this.ownWeights;
  }
  async readEarnedWeights(): Promise<Float32Array> {
    const weights = new Float32Array(this.neurons.length);
    for (const [uid, value] of this.ownWeights) weights[uid] = value;
    return weights;
  }
}

/** Miners answer with their uid; the ones in `silent` do not. */
export class FakeMiners implements Miners {
  prompts: string[] = [];
  asked: number[][] = [];
  silent: ReadonlySet<number>;
  /** Set: nobody is reached for this reason. */
  outage: Outage | undefined;
  reachable = true;
  probed: number[][] = [];
  /** Hotkeys without a budget left. */
  exhausted = new Set<string>();
  /** Awaited before a step's replies come. */
  beforeReplies: (() => void | Promise<void>) | undefined;

  constructor(silent: number[] = []) {
    this.silent = new Set(silent);
  }

  async ask(neurons: readonly Neuron[], prompt: string): Promise<Reply[]> {
    this.prompts.push(prompt);
    this.asked.push(neurons.map(({ uid }) => uid));
    await sleep(0); // as a socket would, give way to the clock
    await this.beforeReplies?.();
    const fault = this.outage?.cause === "unreachable" ? undefined : this.outage?.cause;
    return neurons.map(({ uid, hotkey }) =>
      this.outage !== undefined || this.silent.has(uid)
        ? {
            uid,
            hotkey,
            status: 408,
            message: "late",
            completion: null,
            elapsedMs: 1_000,
            ...(!this.silent.has(uid) && { fault }),
          }
        : { uid, hotkey, status: 200, message: "Success", completion: ` answer of ${uid}? `, elapsedMs: 5 },
    );
  }
  outageOf = () => this.outage;
  async isAnyReachable(neurons: readonly Neuron[]): Promise<boolean> {
    this.probed.push(neurons.map(({ uid }) => uid));
    return neurons.length > 0 && this.reachable;
  }
  mayAsk = (hotkey: Hotkey) => !this.exhausted.has(hotkey);
}

/** Rewards by the digit in the completion: the higher the uid the better. */
export class FakeJudge implements Judge {
  remembered = 0;
  open = new Set<string>();
  /** Awaited in the middle of scoring. */
  whileScoring: (() => void | Promise<void>) | undefined;

  beginForward(id: string): void {
    this.open.add(id);
  }
  endForward(id: string): void {
    this.open.delete(id);
  }
  /** Of every step, the part of the allowed time that each answer took. */
  readonly taken: (readonly number[] | undefined)[] = [];

  async score(
    _question: unknown,
    completions: readonly (string | null)[],
    { taken }: { taken?: readonly number[] } = {},
  ) {
    this.taken.push(taken);
    await this.whileScoring?.();
    this.remembered++;
    const raw = completions.map((text) => (text === null ? null : Number(/\d/.exec(text)![0]) / 10));
    return {
      rewards: raw.map((value) => value ?? 0),
      columns: [{ name: "fake_reward_model", raw }],
      timings: { fake_reward_model: 1 },
    };
  }
  changes(): MemoryChanges {
    const row = Float32Array.of(this.remembered);
    return { json: { remembered: this.remembered }, tables: { history: { put: new Map([[0, row]]) } } };
  }
  load(memory: Memory): void {
    this.remembered = (memory.json as { remembered: number }).remembered;
  }
}

/** Scores a uid by its number, and keeps what it is told. */
export class FakeRouter implements Router {
  trained: number[][] = [];
  aligned: readonly Registration[] = [];
  loaded: { memory: Memory; neurons: readonly Registration[] }[] = [];

  align(neurons: readonly Registration[]): void {
    this.aligned = neurons;
  }
  async scores(): Promise<Float32Array> {
    return Float32Array.from(this.aligned.keys());
  }
  async train(_prompt: string, outcomes: readonly Outcome[]): Promise<number> {
    this.trained.push(outcomes.map(({ uid }) => uid));
    return 1 / this.trained.length;
  }
  changes(): MemoryChanges | undefined {
    if (this.trained.length === 0) return undefined;
    const row = Float32Array.of(this.trained.length);
    return { json: { steps: this.trained.length }, tables: { gating: { put: new Map([[0, row]]) } } };
  }
  layerToShow(): ShownLayer | undefined {
    const steps = this.trained.length;
    const bytes = Uint8Array.of(steps, this.aligned.length);
    return steps === 0 ? undefined : { bytes, encoder: "words", rows: this.aligned.length, hidden: 2, steps };
  }
  load(memory: Memory, neurons: readonly Registration[]): void {
    this.loaded.push({ memory, neurons });
  }
}

export function fakeModules(chain: FakeChain, silent: number[] = []) {
  const events: EventBody[] = [];
  const modules = {
    chain,
    miners: new FakeMiners(silent),
    judge: new FakeJudge(),
    router: new FakeRouter(),
    texts: { next: async () => "One sentence. Two sentences. Three sentences." },
    feed: { emit: (body: EventBody) => void events.push(body) },
    time: new FakeTime(),
  } satisfies Modules<Neuron>;
  return { modules, events };
}
