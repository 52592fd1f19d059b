import { chosenMasks } from "./masks/table.ts";
import type { Profile } from "./profile.ts";
import { activeRewards, type OperatorChoice } from "./roles.ts";

/** Reward models that were trained on what people prefer, or that are asked for a judgement. */
const JUDGES: ReadonlySet<string> = new Set([
  "rlhf_reward_model",
  "reciprocate_reward_model",
  "dahoas_reward_model",
  "prompt_reward_model",
]);

/**
 * Whether anything that counts in a reward was trained to tell good answers from bad ones.
 * @throws as `activeRewards`
 */
export function hasJudge(profile: Profile, { weights = {} }: OperatorChoice = {}): boolean {
  return activeRewards(profile, weights).some(({ name }) => JUDGES.has(name));
}

/**
 * What scoring with a profile and the operator's switches cannot tell of an answer, to go after "cannot judge".
 * @throws as `hasJudge`
 */
export function blindSpots(profile: Profile, choice: OperatorChoice = {}): string {
  const seesHarm =
    profile.nsfw !== undefined && chosenMasks(choice.masks ?? {}).some(({ role }) => role === "nsfw");
  // The classifiers of hate and poison read English.
  const harm = seesHarm ? "nor harm that is not told in English" : "nor whether it does harm";
  return hasJudge(profile, choice)
    ? `whether what an answer says is true, ${harm}`
    : `whether an answer is right or helpful, ${harm}`;
}

/** What to do where nothing judges on a public network. @throws as `hasJudge` */
export function judgeRemedy(profile: Profile): string {
  return hasJudge(profile)
    ? "leave the --reward.*_weight flags out, or give a reward model that judges some weight"
    : "leave --models.profile out, or give lite or standard";
}
