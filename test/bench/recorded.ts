import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";

export const ANSWERS = 50;
const MINERS = 256;
const SEGMENT_STEPS = 2_000;
/** As many as a language of the daily paper uses. */
const VOCABULARY = 4_000;
const RUN_STEPS = 25_000;
/** Steps of 12 s in an epoch of 360 blocks. */
const EPOCH_STEPS = 360;
const SCORE_SHARE = 0.05;
const MODELS = ["dpo_reward_model", "rlhf_reward_model"];
const MASKS = ["relevance_filter", "diversity_reward_model"];
/** Shadow scores, and how much of each follows the reward. */
const SHADOWS: Readonly<Record<string, number>> = { shadow_judge: 0.7, shadow_blind: 0 };

/** Marsaglia's xorshift32: the same journal on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const rounded = (value: number): number => Math.round(value * 1e4) / 1e4;
const list = <T>(make: (at: number) => T, length = ANSWERS): T[] =>
  Array.from({ length }, (_, at) => make(at));

/**
 * Writes a journal of many steps in closed segments, as a validator leaves it behind that starts anew now and then, tells
 * its scores each epoch and sets weights by them.
 * @returns bytes before compression
 */
export function writeJournal(folder: string, steps: number, seed = 1): number {
  mkdirSync(folder, { recursive: true });
  const validator = new RecordedValidator(seed);
  let bytes = 0;
  for (let first = 0, segment = 1; first < steps; first += SEGMENT_STEPS, segment++) {
    let text = "";
    for (let step = first; step < Math.min(first + SEGMENT_STEPS, steps); step++)
      for (const event of validator.step(step)) text += `${JSON.stringify(event)}\n`;
    bytes += text.length;
    const name = `events-${String(segment).padStart(6, "0")}.jsonl.zst`;
    writeFileSync(join(folder, name), zstdCompressSync(Buffer.from(text)));
  }
  return bytes;
}

class RecordedValidator {
  readonly #random: () => number;
  readonly #words: string[];
  /** How well each miner answers, 0..1. */
  readonly #quality: number[];
  readonly #scores = list(() => 0, MINERS);
  readonly #asked = list(() => 0, MINERS);
  #sequence = 0;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.#words = list(() => this.#below(36 ** 6).toString(36), VOCABULARY);
    this.#quality = list(() => this.#random(), MINERS);
  }

  /** The events up to the end of a step. */
  *step(step: number): Generator<object> {
    if (step % RUN_STEPS === 0) {
      if (step > 0)
        yield this.#event(step - 1, { kind: "stop", reason: "signal", exit_code: 0, steps: step });
      this.#sequence = 0;
      yield this.#event(step, this.#run(step));
    }
    yield this.#event(step, this.#asking(step));
    if (step % EPOCH_STEPS === EPOCH_STEPS - 1) {
      yield this.#event(step, {
        kind: "scores",
        hotkeys: list((uid) => `hotkey-${uid}`, MINERS),
        moving_averaged_scores: this.#scores.map(rounded),
        asked: this.#asked,
      });
      for (const state of ["due", "sent", "included"]) yield this.#event(step, this.#weights(state));
    }
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #sentence(): string {
    return list(() => this.#words[this.#below(VOCABULARY)], 12 + this.#below(12)).join(" ");
  }

  #event(step: number, body: object): object {
    return {
      version: 2,
      time: new Date(Date.UTC(2026, 0, 1) + step * 12_000).toISOString(),
      genesis: "0x00",
      netuid: 1,
      hotkey: "validator",
      block: step,
      run: `run-${Math.floor(step / RUN_STEPS)}`,
      sequence: this.#sequence++,
      ...body,
    };
  }

  #run(step: number): object {
    const isLater = step > 0;
    return {
      kind: "run",
      program: isLater ? "0.2.0" : "0.1.0",
      commit: null,
      target: "linux-x64",
      profile: "standard",
      models: [],
      settings: {
        "neuron.moving_average_alpha": { value: SCORE_SHARE, origin: isLater ? "flag" : "default" },
      },
      uid: 0,
      permit: true,
      stake_tao: 10_000.5,
      spec_version: 1020,
      endpoint: "wss://node.example",
      steps: step,
      sets_weights: true,
      epoch_blocks: 360,
      last_weights_block: null,
    };
  }

  #weights(state: string): object {
    const isSent = state !== "due";
    const most = Math.max(...this.#scores);
    return {
      kind: "weights",
      state,
      path: isSent ? "plain" : null,
      uids: isSent ? list((uid) => uid, MINERS) : [],
      values: isSent ? this.#scores.map((score) => Math.round((score / most) * 65_535)) : [],
      set_weights: [],
      reveal_round: null,
      extrinsic: state === "included" ? "0xab" : null,
      reason: null,
      error: null,
      blocks_left: null,
    };
  }

  #asking(step: number): object {
    const first = this.#below(MINERS);
    const uids = list((at) => (first + at * 3) % MINERS);
    const codes = list(() => (this.#random() < 0.9 ? 200 : 408));
    const models = MODELS.map((name) => {
      const shares = list((at) => rounded((this.#quality[uids[at]!]! + this.#random()) / 2));
      return [name, shares.map((share) => rounded(share * 8 - 4)), shares] as const;
    });
    const masks = MASKS.map((name) => [name, list(() => (this.#random() < 0.95 ? 1 : 0))] as const);
    const rewards = list((at) =>
      codes[at] === 200
        ? masks.reduce(
            (reward, [, mask]) => reward * mask[at]!,
            (models[0]![2][at]! + models[1]![2][at]!) / 2,
          )
        : 0,
    );
    for (const [at, uid] of uids.entries()) {
      this.#scores[uid]! += SCORE_SHARE * (rewards[at]! - this.#scores[uid]!);
      this.#asked[uid]!++;
    }
    const judged = (values: readonly number[]): (number | null)[] =>
      values.map((value, at) => (codes[at] === 200 ? value : null));
    const shadows = Object.entries(SHADOWS).map(([name, share]) => [
      name,
      judged(rewards.map((reward) => rounded(share * reward + (1 - share) * this.#random()))),
    ]);
    return {
      kind: "step",
      step: step + 1,
      name: step % 2 ? "answer0" : "followup0",
      task: step % 2 ? "answer" : "followup",
      origin: "dataset",
      forward: String(step >> 3),
      step_length: 5 + this.#random(),
      stages: { choose_ms: 1, ask_ms: 4_000, judge_ms: 900, train_ms: 5, save_ms: 8, parts: {} },
      inference: { queue_ms: 1, compute_ms: 800 },
      prompt: this.#sentence(),
      base_prompt: this.#sentence(),
      uids,
      hotkeys: uids.map((uid) => `hotkey-${uid}`),
      // Every tenth is one of few texts, as of miners that copy.
      completions: codes.map((code) => {
        if (code !== 200) return "";
        return this.#random() < 0.1 ? `the same answer ${this.#below(20)}` : this.#sentence();
      }),
      completion_times: list(() => rounded(this.#random() * 10)),
      completion_status_codes: codes,
      completion_status_messages: codes.map((code) => (code === 200 ? "OK" : "late")),
      rewards,
      routed: list((at) => Number(at < ANSWERS / 2)),
      gating_loss: this.#random(),
      best: "",
      nan_columns: [],
      counted: true,
      cause: null,
      ...Object.fromEntries(
        models.flatMap(([name, raw, shares]) => [
          [name, judged(raw)],
          [`${name}_normalized`, judged(shares)],
        ]),
      ),
      ...Object.fromEntries(masks.map(([name, mask]) => [name, judged(mask)])),
      ...Object.fromEntries(shadows),
    };
  }
}
