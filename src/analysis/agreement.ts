import { type AnyEvent, columnsOf, RATERS_SUFFIX, SHADOW_PREFIX, type StepEvent } from "../events/schema.ts";

/** Two numbers always agree or disagree wholly. */
const MIN_ANSWERS = 3;

export interface Agreement {
  /** Steps with at least three answers that have a shadow score, and rewards and scores that differ among them. */
  steps: number;
  /** Answers of those steps. */
  answers: number;
  /**
   * Spearman's rank correlation of shadow score and reward within a step, mean over the steps by their answers: 1 when
   * both rank alike, 0 when one tells nothing of the other. null without a step.
   */
  rankCorrelation: number | null;
  /** Share of the steps in which the answer with the highest shadow score also has the highest reward. */
  sameBest: number | null;
}

export interface ScorerAgreement {
  name: string;
  all: Agreement;
  /** By the task: augment, followup, answer. */
  byTask: Record<string, Agreement>;
}

/** Sums over steps, from which an Agreement follows. */
class Tally {
  #steps = 0;
  #answers = 0;
  #correlation = 0;
  #sameBest = 0;

  add(scores: readonly number[], rewards: readonly number[]): void {
    const correlation = rankCorrelation(scores, rewards);
    if (scores.length < MIN_ANSWERS || correlation === null) return;
    this.#steps++;
    this.#answers += scores.length;
    this.#correlation += correlation * scores.length;
    const best = Math.max(...rewards);
    if (rewards[scores.indexOf(Math.max(...scores))] === best) this.#sameBest++;
  }

  get agreement(): Agreement {
    const isEmpty = this.#steps === 0;
    return {
      steps: this.#steps,
      answers: this.#answers,
      rankCorrelation: isEmpty ? null : this.#correlation / this.#answers,
      sameBest: isEmpty ? null : this.#sameBest / this.#steps,
    };
  }
}

/** How well each shadow scorer of a journal agrees with the rewards that count, in the order of the scorers' names. */
export async function shadowAgreement(events: AsyncIterable<AnyEvent>): Promise<ScorerAgreement[]> {
  const tallies = new Map<string, Map<string, Tally>>();
  for await (const event of events) {
    if (event.kind !== "step") continue;
    for (const [name, scores] of Object.entries(columnsOf(event))) {
      if (!name.startsWith(SHADOW_PREFIX) || name.endsWith(RATERS_SUFFIX)) continue;
      const byTask = tallies.get(name) ?? new Map<string, Tally>();
      tallies.set(name, byTask);
      const { shadow, rewards } = comparable(event, scores);
      for (const key of ["", event.name.replace(/\d+$/, "")]) {
        const tally = byTask.get(key) ?? new Tally();
        byTask.set(key, tally);
        tally.add(shadow, rewards);
      }
    }
  }
  return [...tallies]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, byTask]) => ({
      name,
      all: byTask.get("")!.agreement,
      byTask: Object.fromEntries(
        [...byTask].filter(([task]) => task !== "").map(([task, tally]) => [task, tally.agreement]),
      ),
    }));
}

/** Answers that have a shadow score, with the rewards they earned. */
function comparable(event: Pick<StepEvent, "rewards">, scores: readonly (number | null)[]) {
  const shadow: number[] = [];
  const rewards: number[] = [];
  for (const [row, score] of scores.entries()) {
    const reward = event.rewards[row];
    if (score === null || reward === undefined) continue;
    shadow.push(score);
    rewards.push(reward);
  }
  return { shadow, rewards };
}

/** Spearman's coefficient, equal values sharing the mean of their ranks; null where one list is all equal. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number | null {
  const x = ranks(a);
  const y = ranks(b);
  const mean = (a.length + 1) / 2;
  let covariance = 0;
  let varianceX = 0;
  let varianceY = 0;
  for (let at = 0; at < a.length; at++) {
    covariance += (x[at]! - mean) * (y[at]! - mean);
    varianceX += (x[at]! - mean) ** 2;
    varianceY += (y[at]! - mean) ** 2;
  }
  const scale = Math.sqrt(varianceX * varianceY);
  return scale > 0 ? covariance / scale : null;
}

function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const found = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let at = start; at < end; at++) found[order[at]!] = (start + 1 + end) / 2;
    start = end;
  }
  return found;
}
