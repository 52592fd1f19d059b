import { asBlock, asHotkey, asUid, type BlockNumber, type Hotkey, type Uid } from "../../src/base/units.ts";
import type { EventV1 as Event } from "../../src/events/version-1.ts";
import type {
  Chain,
  Judge,
  Miners,
  Neuron,
  Outcome,
  PendingReveal,
  Router,
  RouterMemory,
  SentWeights,
  Subnet,
  WeightsOrder,
} from "../../src/validator/ports.ts";
import type { Modules, ValidatorSettings } from "../../src/validator/session.ts";

export const SETTINGS: ValidatorSettings = {
  netuid: 1,
  followupSampleSize: 3,
  followupTimeoutMs: 1_000,
  answerSampleSize: 3,
  answerTimeoutMs: 1_000,
  followupSteps: 1,
  concurrentForwards: 1,
  forwards: 1,
  movingAverageAlpha: 0.5,
  checkpointBlocks: 5,
  epochBlocks: 0,
  vpermitTaoLimit: 4096,
  explore: 1,
  shadowMiners: 0,
  setsWeights: true,
  logRewards: true,
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

/** A chain that ticks when told to. Neuron 0 is the validator. */
export class FakeChain implements Chain {
  readonly genesisHash = "0xfake";
  block = 100;
  neurons = [
    neuron(0, { hasValidatorPermit: true, stakeTao: 10_000 }),
    ...[1, 2, 3, 4].map((uid) => neuron(uid)),
  ];
  /** Who holds the uids when weights are sent, where that differs from the neurons that were read. */
  holders: Hotkey[] | undefined;
  ownWeights: [Uid, number][] = [];
  sent: Float32Array[] = [];
  refusal: Error | undefined;
  #callback: ((block: ReturnType<typeof asBlock>) => void) | undefined;

  head = () => asBlock(this.block);
  onHead(callback: (block: ReturnType<typeof asBlock>) => void): () => void {
    this.#callback = callback;
    return () => {
      this.#callback = undefined;
    };
  }
  /** One new block; duties get a turn. */
  async tick(blocks = 1): Promise<void> {
    this.block += blocks;
    this.#callback?.(this.head());
    await Bun.sleep(1);
  }
  async fetchSubnet(): Promise<Subnet> {
    const common = {
      block: this.head(),
      chainTimeMs: Date.now(),
      ownUid: asUid(0),
      tempo: 20,
      weightsRateLimit: 0,
      ownLastUpdate: 90,
    };
    return { ...common, neurons: this.neurons };
  }
  async sendWeights({ scoresFor, before }: WeightsOrder): Promise<SentWeights> {
    if (this.refusal) throw this.refusal;
    const scores = scoresFor(this.holders ?? this.neurons.map(({ hotkey }) => hotkey));
    const weights = { path: "plain" as const, block: this.head(), uids: [1], values: [65_535] };
    before(weights);
    this.sent.push(scores);
    return { ...weights, extrinsicHash: "0x01" };
  }
  async followReveal(pending: PendingReveal): Promise<BlockNumber> {
    return asBlock(pending.revealBlock);
  }
  async readOwnWeights(): Promise<[Uid, number][]> {
    return this.ownWeights;
  }
}

/** Miners answer with their uid; the ones in `silent` do not. */
export function fakeMiners(silent: number[] = []): Miners & { prompts: string[]; asked: number[][] } {
  const prompts: string[] = [];
  const asked: number[][] = [];
  return {
    prompts,
    asked,
    async ask(neurons, prompt) {
      prompts.push(prompt);
      asked.push(neurons.map(({ uid }) => uid));
      await Bun.sleep(1); // as a socket would, give way to the clock
      return neurons.map(({ uid, hotkey }) =>
        silent.includes(uid)
          ? { uid, hotkey, status: 408, message: "late", completion: null, elapsedMs: 1_000 }
          : { uid, hotkey, status: 200, message: "Success", completion: ` answer of ${uid}? `, elapsedMs: 5 },
      );
    },
  };
}

/** Rewards by the digit in the completion: the higher the uid the better. */
export function fakeJudge(): Judge & { remembered: number } {
  return {
    remembered: 0,
    beginForward() {},
    async score(_question, completions) {
      this.remembered++;
      const raw = completions.map((text) => (text === null ? null : Number(/\d/.exec(text)![0]) / 10));
      return { rewards: raw.map((value) => value ?? 0), columns: [{ name: "fake_reward_model", raw }] };
    },
    save() {
      return { json: { remembered: this.remembered }, arrays: { history: Float32Array.of(this.remembered) } };
    },
    load(memory) {
      this.remembered = (memory.json as { remembered: number }).remembered;
    },
  };
}

/** Scores a uid by its number, and keeps what it is told. */
export class FakeRouter implements Router {
  trained: number[][] = [];
  hotkeys: readonly string[] = [];
  loaded: { memory: RouterMemory; hotkeys: readonly string[] }[] = [];

  align(hotkeys: readonly string[]): void {
    this.hotkeys = hotkeys;
  }
  async scores(): Promise<Float32Array> {
    return Float32Array.from(this.hotkeys.keys());
  }
  async train(_prompt: string, outcomes: readonly Outcome[]): Promise<number> {
    this.trained.push(outcomes.map(({ uid }) => uid));
    return 1 / this.trained.length;
  }
  save(): RouterMemory {
    return { json: { steps: this.trained.length }, arrays: { bias: Float32Array.of(this.trained.length) } };
  }
  load(memory: RouterMemory, hotkeys: readonly string[]): void {
    this.loaded.push({ memory, hotkeys });
  }
}

export function fakeModules(chain: FakeChain, silent: number[] = []) {
  const events: Event[] = [];
  const modules = {
    chain,
    miners: fakeMiners(silent),
    judge: fakeJudge(),
    router: new FakeRouter(),
    texts: { next: async () => "One sentence. Two sentences. Three sentences." },
    events: { append: (event: Event) => void events.push(event) },
  } satisfies Modules<Neuron>;
  return { modules, events };
}
