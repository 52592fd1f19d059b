import { join } from "node:path";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import type { StepBody } from "../../src/events/schema.ts";
import { EmbeddingCache } from "../../src/inference/embedding-cache.ts";
import type { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { behaviourOf } from "../../src/localnet/miners/characters.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { openTextSource } from "../../src/prompts/source.ts";
import { commitOf } from "../../src/validator/commit.ts";
import { forward } from "../../src/validator/flow.ts";
import { openJudge, readScoring } from "../../src/validator/open-judge.ts";
import { openRouter } from "../../src/validator/open-router.ts";
import type { Neuron } from "../../src/validator/ports.ts";
import { resume } from "../../src/validator/resume.ts";
import { IDENTITY } from "../fakes/run.ts";
import { FakeChain, fakeModules, neuron, SETTINGS } from "../fakes/session.ts";

/** Rewards by likeness to the prompt, masks of likeness alone: a little for everybody. `embedded` gives who knows nothing next to nothing. */
export const RELEVANCE = join(import.meta.dir, "../fixtures/profiles/relevance.json");

export interface RoutingPlan {
  /** As --models.profile. */
  profile: string;
  specialists: number;
  sampleSize: number;
  /** As --neuron.num_followup_steps; 0 = one step, a summary, per forward pass. */
  followupSteps: number;
  learningRate: number;
  /** Forward passes with random choice, in which the gating layer learns. */
  trainingForwards: number;
  /** Forward passes with routing, and as many with random choice, in turn. */
  comparedForwards: number;
  /** As --gating.explore while the two are compared. */
  explore: number;
  seed: number;
}

export interface RoutingResult {
  /** Mean reward over all answers of the compared forward passes. */
  random: number;
  routed: number;
  /** Answers behind each mean. */
  answers: { random: number; routed: number };
  /** Of every training step. */
  losses: (number | null)[];
}

/**
 * The story of a validator with the real encoder, real rewards, prompts and texts, on specialists that are asked
 * without a socket: first random choice, then routed and random forward passes in turn, on texts of their own.
 */
export async function simulateRouting(
  inference: InferenceSupervisor,
  plan: RoutingPlan,
  stateDirectory: string,
): Promise<RoutingResult> {
  const random = seededRandom(plan.seed);
  const { settings } = loadConfiguration(OPTIONS, {
    flags: { "models.profile": plan.profile },
    environment: {},
  });
  const models = new EmbeddingCache(inference);
  const router = openRouter({ ...settings, gatingLearningRate: plan.learningRate }, EMBEDDED_MODEL, models);
  const signal = new AbortController().signal;
  const behaviours = Array.from({ length: plan.specialists }, (_, index) =>
    behaviourOf({ character: "specialist", seed: index, rank: index, peers: plan.specialists }),
  );
  const neurons = [
    neuron(0, { hasValidatorPermit: true }),
    ...behaviours.map((_, index) => neuron(index + 1)),
  ];
  const source = await openTextSource(undefined, { random });
  const chain = new FakeChain();
  chain.neurons = neurons;
  const { modules, events } = fakeModules(chain);
  const session = await resume<Neuron>({
    settings: {
      ...SETTINGS,
      followupSampleSize: plan.sampleSize,
      answerSampleSize: plan.sampleSize,
      followupSteps: plan.followupSteps,
      explore: 1,
    },
    identity: IDENTITY,
    modules: {
      ...modules,
      miners: {
        ask: (asked, prompt, timeoutMs) =>
          Promise.all(
            asked.map(async ({ uid, hotkey }) => {
              const reaction = await behaviours[uid - 1]!({ prompt, timeoutMs, signal });
              const completion = reaction.kind === "completion" ? reaction.text : null;
              return { uid, hotkey, status: 200, message: "Success", completion, elapsedMs: 1 };
            }),
          ),
        outageOf: () => undefined,
        isAnyReachable: async () => true,
        mayAsk: () => true,
      },
      judge: openJudge(readScoring(settings), inference, models),
      router,
      texts: source,
    },
    stateDirectory,
    signal,
  });
  session.random = random;
  /** Steps of one forward pass with this share of random choice. */
  const pass = async (explore: number): Promise<StepBody[]> => {
    session.settings = { ...session.settings, explore };
    events.length = 0;
    await forward(session, crypto.randomUUID());
    return events.filter((event): event is StepBody => event.kind === "step");
  };

  try {
    const losses: (number | null)[] = [];
    for (let done = 0; done < plan.trainingForwards; done++)
      losses.push(...(await pass(1)).map((event) => event.gating_loss));
    const rewards = { random: [] as number[], routed: [] as number[] };
    for (let done = 0; done < plan.comparedForwards; done++) {
      rewards.routed.push(...(await pass(plan.explore)).flatMap((event) => event.rewards));
      rewards.random.push(...(await pass(1)).flatMap((event) => event.rewards));
    }
    return {
      random: mean(rewards.random),
      routed: mean(rewards.routed),
      answers: { random: rewards.random.length, routed: rewards.routed.length },
      losses,
    };
  } finally {
    session.recorder.close(commitOf(session, true));
    source.close();
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
