import type { Profile } from "./profile.ts";

/** Reward models that were trained on what people prefer, or that are asked for a judgement. */
const JUDGES: ReadonlySet<string> = new Set([
  "rlhf_reward_model",
  "reciprocate_reward_model",
  "dahoas_reward_model",
  "prompt_reward_model",
]);

/** Whether anything that counts in a reward was trained to tell good answers from bad ones. */
export function hasJudge({ rewards }: Pick<Profile, "rewards">): boolean {
  return rewards.some(({ name, weight }) => weight > 0 && JUDGES.has(name));
}

/** What scoring with a profile cannot tell of an answer, to go after "cannot judge". */
export function blindSpots(profile: Pick<Profile, "rewards" | "nsfw">): string {
  const seesHarm = profile.nsfw !== undefined;
  // The classifiers of hate and poison read English.
  const harm = seesHarm ? "nor harm that is not told in English" : "nor whether it does harm";
  return hasJudge(profile)
    ? `whether what an answer says is true, ${harm}`
    : `whether an answer is right or helpful, ${harm}`;
}
