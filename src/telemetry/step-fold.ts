import type { EventOf } from "../events/schema.ts";
import { answeredIn, meanRewardIn } from "../events/step-figures.ts";
import { AnswerRate } from "./answer-rate.ts";
import type { LastStep, Status } from "./status.ts";

const PACE_WINDOW_MS = 600_000;
/** A run that is younger counts as of this age, or its first step would make a pace of thousands. */
const LEAST_WINDOW_MS = 60_000;

/** The steps of a run, folded into their numbers, their pace and what the last of them measured. Pure and bounded. */
export class StepFold {
  readonly answers = new AnswerRate();
  #startedMs: number | undefined;
  #number: number | null = null;
  #inRun = 0;
  #counted = 0;
  #timesMs: number[] = [];
  #last: LastStep | null = null;
  #measured: Pick<Status, "stages" | "inference" | "gatingLoss"> = {
    stages: null,
    inference: null,
    gatingLoss: null,
  };

  noteRun({ steps }: EventOf<"run">, timeMs: number): void {
    this.#startedMs = timeMs;
    this.#number = steps;
  }

  note(step: EventOf<"step">, timeMs: number): void {
    const answered = answeredIn(step);
    const asked = step.uids.length;
    this.#number = step.step;
    this.#inRun++;
    this.#timesMs.push(timeMs);
    while (this.#timesMs[0]! < timeMs - PACE_WINDOW_MS) this.#timesMs.shift();
    if (step.counted) {
      this.#counted++;
      this.answers.add(answered, asked);
    }
    this.#last = {
      name: step.name,
      seconds: step.step_length,
      asked,
      answered,
      meanReward: meanRewardIn(step),
      at: step.time,
      counted: step.counted,
    };
    const { parts: _, ...stages } = step.stages;
    this.#measured = {
      stages,
      inference: step.inference && {
        queueMs: step.inference.queue_ms,
        computeMs: step.inference.compute_ms,
      },
      gatingLoss: step.gating_loss ?? this.#measured.gatingLoss,
    };
  }

  get measured(): Readonly<Pick<Status, "stages" | "inference" | "gatingLoss">> {
    return this.#measured;
  }

  /** @param nowMs wall time, milliseconds since 1970 */
  snapshot(nowMs: number): Omit<Status["steps"], "headwayAt"> {
    return {
      number: this.#number,
      inRun: this.#inRun,
      counted: this.#counted,
      perMinute: this.#pace(nowMs),
      last: this.#last,
    };
  }

  #pace(nowMs: number): number {
    if (this.#startedMs === undefined) return 0;
    const windowMs = Math.min(PACE_WINDOW_MS, Math.max(LEAST_WINDOW_MS, nowMs - this.#startedMs));
    const recent = this.#timesMs.filter((timeMs) => timeMs > nowMs - windowMs).length;
    return (recent * 60_000) / windowMs;
  }
}
