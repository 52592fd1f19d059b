import { Failure } from "../../base/error.ts";
import { configureLog } from "../../base/log.ts";
import { canRedraw } from "../../base/terminal.ts";
import { counted } from "../../base/text.ts";
import { asNetuid, asUid } from "../../base/units.ts";
import { ChainConnection } from "../../chain/connection.ts";
import { fetchWeights } from "../../chain/metagraph.ts";
import { loadConfiguration } from "../../config/load.ts";
import { LOG_OPTIONS, OPTIONS } from "../../config/options.ts";
import type { Event, StepEvent } from "../../events/schema.ts";
import { type Localnet, startLocalnet } from "../../localnet/localnet.ts";
import { startValidator } from "../../validator/compose.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { demoTable, type MinerRow, noteLines, progressLine } from "../demo-screen.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth } from "../fit.ts";
import { causeOfLoss, commonestLoss } from "../lost-rewards.ts";
import { openSigner } from "../open-signer.ts";
import { settingsFor } from "../validate.ts";

export type DemoCode = "demo.unfinished" | "demo.other-weights";

const NET = { minerCount: 16, blockTimeMs: 500, port: 0, tempoBlocks: 12, commitReveal: false };
/** Short waits, for some miners are silent by character; a quick average, for a minute has few steps. */
const PACE = {
  neuronFollowupTimeout: 1.5,
  neuronAnswerTimeout: 1.5,
  neuronNumFollowupSteps: 2,
  neuronMovingAverageAlpha: 0.2,
  neuronAxonOff: true,
  wandbOff: true,
  // A validator that runs here keeps its page, and nobody is told of one that is gone within a minute.
  metricsPort: 0,
  // Scores are told at each block, so that the table has those of which the weights were made.
  neuronCheckpointBlockLength: 1,
};
const MIN_FORWARDS = 3;
/** A demo that is not done by then has failed. */
const DEADLINE_MS = 80_000;

/** What was seen of one miner. */
interface Tally {
  asked: number;
  answered: number;
  rewardSum: number;
  secondsSum: number;
  /** How often each cause took a reward. */
  losses: Map<string, number>;
}

const newTally = (): Tally => ({ asked: 0, answered: 0, rewardSum: 0, secondsSum: 0, losses: new Map() });

/** Weights that the chain took, and what they were made of. */
interface Submission {
  block: number;
  weights: string;
  scores: readonly number[];
}

/** In a form that can be compared: who has no weight may be left out. */
function weightsByUid(uids: readonly number[], values: readonly number[]): string {
  const pairs = uids.map((uid, index): [number, number] => [uid, values[index]!]);
  return JSON.stringify(pairs.filter(([, value]) => value > 0).sort(([a], [b]) => a - b));
}

/** Runs the real validator on a real local subnet until both ways of setting weights have worked, then shows the miners. */
export async function demo(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(OPTIONS, { flags: {}, environment: {} });
  const logs = loadConfiguration(LOG_OPTIONS, sourcesOf(context)).settings;
  if (!logs.loggingDebug && !logs.loggingTrace) configureLog({ level: "warn", format: logs.logFormat });
  const startedMs = performance.now();
  const net = await startLocalnet(NET);
  try {
    context.print(`A chain node at ${net.endpoint} and ${net.miners.length} HTTP miners are running.\n`);
    const stop = new AbortController();
    context.signal.addEventListener("abort", () => stop.abort(), { once: true });
    const progress = new Progress(net, stop, context);
    const deadline = setTimeout(() => stop.abort(), DEADLINE_MS);
    const own = { ...settings, ...settingsFor(net), ...PACE };
    const signer = await openSigner(own, context);
    try {
      await startValidator({
        settings: own,
        signer,
        signal: stop.signal,
        onEvent: (event) => progress.see(event),
      });
    } finally {
      clearTimeout(deadline);
      progress.end();
    }
    if (context.signal.aborted) return EXIT.ok;
    if (!progress.isDone) throw unfinished(progress.missing);
    const width = screenWidth(context.environment);
    context.print(await resultTable(net, progress, width));
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const end = `Weights were set plainly and by commit-reveal. ${progress.summary}, ${seconds} s.`;
    context.print(`\n${noteLines(end, width)}`);
    return EXIT.ok;
  } finally {
    await net.stop();
  }
}

function isIncluded(event: Event, path: "plain" | "timelocked"): boolean {
  return event.kind === "weights" && event.state === "included" && event.path === path;
}

/** Follows the events of the run, switches the subnet from plain weights to commit-reveal, and ends it. */
class Progress {
  readonly tallies = new Map<number, Tally>();
  readonly #forwards = new Set<string>();
  #steps = 0;
  #committed = false;
  #plain = false;
  /** What the last line said, so that a file gets no line twice. */
  #told = "";
  #scores: readonly number[] = [];
  #sentScores: readonly number[] = [];
  #revealed = false;
  /** Every submission that the chain took, the oldest first. */
  readonly submissions: Submission[] = [];

  constructor(
    readonly net: Localnet,
    readonly stop: AbortController,
    readonly context: CommandContext,
  ) {}

  get isDone(): boolean {
    return this.#revealed && this.#plain && this.#forwards.size > MIN_FORWARDS;
  }

  get missing(): string {
    if (!this.#plain) return "no plain weights were set";
    if (!this.#committed) return "no weights were committed";
    return this.#revealed
      ? `fewer than ${MIN_FORWARDS} forward passes ended`
      : "the committed weights were not revealed";
  }

  get summary(): string {
    return `${counted(this.#steps, "step")} in ${counted(this.#forwards.size, "forward pass", "forward passes")}`;
  }

  see(event: Event): void {
    if (event.kind === "step") this.#count(event);
    if (event.kind === "scores") this.#scores = event.moving_averaged_scores;
    if (isIncluded(event, "plain")) {
      this.#plain = true;
      // This way round no commit is left pending when the subnet changes its mind.
      this.net.node.setCommitReveal(true);
    }
    if (isIncluded(event, "timelocked")) this.#committed = true;
    if (event.kind === "reveal" && event.state === "revealed") this.#revealed = true;
    // Weights are made of the scores at the moment they are sent; the chain takes them a block later.
    if (event.kind === "weights" && event.state === "sent") this.#sentScores = this.#scores;
    if (event.kind === "weights" && event.state === "included") {
      const { block, uids, values } = event;
      this.submissions.push({ block, weights: weightsByUid(uids, values), scores: this.#sentScores });
    }
    this.#show();
    if (this.isDone) this.stop.abort();
  }

  end(): void {
    if (canRedraw(process.stdout)) this.context.print("\r\u001b[K");
  }

  #count(event: StepEvent): void {
    this.#steps++;
    this.#forwards.add(event.forward);
    for (const [index, uid] of event.uids.entries()) {
      const tally = this.tallies.get(uid) ?? newTally();
      tally.asked++;
      tally.rewardSum += event.rewards[index]!;
      if (event.completion_status_codes[index] === 200) {
        tally.answered++;
        tally.secondsSum += event.completion_times[index]!;
      }
      const loss = causeOfLoss(event, index);
      if (loss !== undefined) tally.losses.set(loss, (tally.losses.get(loss) ?? 0) + 1);
      this.tallies.set(uid, tally);
    }
  }

  #show(): void {
    const weights = this.#revealed
      ? "weights set both ways"
      : this.#committed
        ? "weights committed, waiting for the reveal"
        : this.#plain
          ? "weights set plainly, now by commit-reveal"
          : "waiting for the first epoch";
    const news = `${this.summary} · ${weights}`;
    const line = `block ${this.net.node.head()} · ${news}`;
    if (canRedraw(process.stdout))
      this.context.print(`\r\u001b[K${progressLine(line, screenWidth(this.context.environment))}`);
    else if (news !== this.#told) this.context.print(`${line}\n`);
    this.#told = news;
  }
}

async function resultTable(net: Localnet, progress: Progress, width?: number): Promise<string> {
  const connection = await ChainConnection.connect({ endpoints: [net.endpoint] });
  const weights = await fetchWeights(connection, asNetuid(net.netuid), asUid(0)).finally(() =>
    connection.close(),
  );
  const onChain = weightsByUid(
    weights.map(([uid]) => uid),
    weights.map(([, value]) => value),
  );
  const submission = progress.submissions.findLast((sent) => sent.weights === onChain);
  if (submission === undefined)
    throw new Failure<DemoCode>("demo.other-weights", {
      message: "The weights on chain are none of those that the validator sent",
      hint: "run it again with --logging.debug to see what the validator and the chain did",
    });
  const total = weights.reduce((sum, [, value]) => sum + value, 0);
  const share = new Map(weights.map(([uid, value]) => [uid as number, value / total]));
  const rows = net.miners.map(({ uid, character }): MinerRow => {
    const { answered, asked, rewardSum, secondsSum, losses } = progress.tallies.get(uid) ?? newTally();
    return {
      uid,
      character,
      answered,
      asked,
      reward: mean(rewardSum, asked),
      latencyMs: answered === 0 ? undefined : 1000 * mean(secondsSum, answered),
      score: submission.scores[uid] ?? 0,
      share: share.get(uid) ?? 0,
      loss: commonestLoss(losses, asked),
    };
  });
  return demoTable(rows, submission.block, width);
}

function mean(sum: number, count: number): number {
  return count === 0 ? 0 : sum / count;
}

function unfinished(missing: string): Failure<DemoCode> {
  return new Failure<DemoCode>("demo.unfinished", {
    message: `The demo did not finish within ${DEADLINE_MS / 1000} s: ${missing}`,
    hint: "run it again with --logging.debug to see what the validator and the chain did",
  });
}
