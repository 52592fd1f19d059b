/** Counted steps that "now" means. */
const RECENT_STEPS = 20;
/** Counted steps before those that "usual" means; fewer than RECENT_STEPS say nothing. */
const USUAL_STEPS = 200;

interface Calls {
  answered: number;
  asked: number;
}

/** How many of the asked miners answer: lately, and usually. */
export class AnswerRate {
  readonly #steps: Calls[] = [];

  add(answered: number, asked: number): void {
    if (asked === 0) return;
    this.#steps.push({ answered, asked });
    if (this.#steps.length > RECENT_STEPS + USUAL_STEPS) this.#steps.shift();
  }

  /** 0..1; null before the first step. */
  get recent(): number | null {
    return shareOf(this.#steps.slice(-RECENT_STEPS));
  }

  /** 0..1; null while too few steps are known. */
  get usual(): number | null {
    const before = this.#steps.slice(0, -RECENT_STEPS);
    return before.length < RECENT_STEPS ? null : shareOf(before);
  }
}

function shareOf(steps: readonly Calls[]): number | null {
  const asked = steps.reduce((sum, step) => sum + step.asked, 0);
  return asked === 0 ? null : steps.reduce((sum, step) => sum + step.answered, 0) / asked;
}
