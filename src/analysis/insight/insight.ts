import { type ScorerAgreement, shadowAgreement } from "./agreement.ts";
import type { Ask } from "./ask.ts";
import { type Calls, calls } from "./calls.ts";
import { type Correlation, correlation } from "./correlation.ts";
import { type Distribution, distributions } from "./distributions.ts";
import { type Diversity, diversity } from "./diversity.ts";
import { type Frequent, frequent } from "./frequent.ts";
import { layGround, type Scope } from "./ground.ts";
import { leaderboard, type Standing } from "./leaderboard.ts";
import { type MaskHits, masks } from "./masks.ts";
import { type Routing, routing } from "./routing.ts";
import { compareRuns, type Runs } from "./runs.ts";
import { movingScores, type ScoreLine } from "./scores.ts";
import { type Stages, stages } from "./stages.ts";
import { layTexts } from "./texts.ts";
import { type Throughput, throughput } from "./throughput.ts";
import { type Weights, weightsOnChain } from "./weights.ts";

/** Everything that is told of the sources, as `--json` prints it. */
export interface Insight {
  scope: Scope;
  /** First and last step, milliseconds since 1970; 0 without one. */
  fromMs: number;
  toMs: number;
  /** Quantiles are near enough instead of exact. */
  isApproximate: boolean;
  throughput: Throughput;
  leaderboard: Standing[];
  scores: ScoreLine[];
  calls: Calls;
  diversity: Diversity[];
  frequent: Frequent;
  distributions: Distribution[];
  correlation: Correlation;
  masks: MaskHits[];
  agreement: ScorerAgreement[];
  weights: Weights;
  routing: Routing;
  stages: Stages;
  runs: Runs;
}

/** Asks every question, one after another: each may take the whole memory that DuckDB has. */
export async function insightOf(ask: Ask, scope: Scope): Promise<Insight> {
  const ground = await layGround(ask, scope);
  await layTexts(ground);
  const { fromMs, toMs, isApproximate } = ground;
  return {
    scope,
    fromMs,
    toMs,
    isApproximate,
    throughput: await throughput(ground),
    leaderboard: await leaderboard(ground),
    scores: await movingScores(ground),
    calls: await calls(ground),
    diversity: await diversity(ground),
    frequent: await frequent(ground),
    distributions: await distributions(ground),
    correlation: await correlation(ground),
    masks: await masks(ground),
    agreement: await shadowAgreement(ground),
    weights: await weightsOnChain(ground),
    routing: await routing(ground),
    stages: await stages(ground),
    runs: await compareRuns(ground),
  };
}
