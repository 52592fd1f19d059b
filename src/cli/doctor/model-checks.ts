import { freeBytesOf, mayMakeIn, nearestFolder } from "../../base/disk.ts";
import { BUILD } from "../../config/version.ts";
import { hasSpace } from "../../models/disk-space.ts";
import { bringCommand, isPulled, preferredDtypes } from "../../models/known-models.ts";
import { dtypesOf, lockedFiles, modelState } from "../../models/locked-manifest.ts";
import { verifyModel } from "../../models/pull.ts";
import { type PullPlan, planPull, totalOf } from "../../models/pull-plan.ts";
import { blindSpots, hasJudge, judgeRemedy } from "../../rewards/blind-spots.ts";
import { sentenceOf } from "../hint-form.ts";
import { bytesText } from "../progress.ts";
import { type Check, type Finding, fail, ok, skip, warn } from "./check.ts";
import { type NeededModel, NONE_NAMED, readNeeded, scoringWith } from "./models-needed.ts";
import { NODE_MS } from "./nodes.ts";

const LOOK_MS = 4_000;
/** Reading and hashing some ten gigabytes. */
const VERIFY_MS = 600_000;

const profile: Check = {
  name: "models.profile",
  timeoutMs: LOOK_MS + NODE_MS,
  async run(patient) {
    if (patient.settings.neuronMockRewardModels)
      return skip("--neuron.mock_reward_models draws rewards by chance");
    const { profile: name, reason, isPublic } = await patient.profile();
    const { profile: chosen, ...choice } = scoringWith(patient.settings, name).scoring;
    const why = reason === undefined ? "as told" : reasonText(reason, isPublic);
    const found = `${chosen.id}, ${why}; it cannot judge ${blindSpots(chosen, choice)}`;
    if (!isPublic || hasJudge(chosen, choice)) return ok(found);
    return warn(`${found}, and the network is public`, sentenceOf(judgeRemedy(chosen)));
  },
};

function reasonText(reason: string, isPublic: boolean | undefined): string {
  if (isPublic !== undefined) return `for ${reason}`;
  return "as on a local chain: nothing told whether the network is public (then it is lite, or standard with a large GPU)";
}

const space: Check = {
  name: "models.space",
  timeoutMs: LOOK_MS + NODE_MS,
  async run(patient) {
    const found = await readNeeded(patient);
    if (found === undefined) return skip(NONE_NAMED);
    const { directory, models: needed } = found;
    const missing = needed.filter(
      ({ model }) => model !== undefined && modelState(directory, model) !== "here",
    );
    const base = nearestFolder(directory);
    if (missing.some(({ model }) => isPulled(model!)) && !mayMakeIn(base))
      return fail(
        base === directory
          ? `this user may not write into ${directory}, where what is missing would go`
          : `this user may not make ${directory} in ${base}, where what is missing would go`,
        "Choose another folder with --models.dir, or give this user the right to write there.",
      );
    const plans: PullPlan[] = [];
    for (const { model, placed } of missing) {
      if (!isPulled(model!)) continue;
      const plan = await planPull(directory, model!, { dtypes: preferredDtypes(model!, placed.dtypes) });
      if (plan !== undefined) plans.push(plan);
    }
    const { download, peak, isExact } = totalOf(plans);
    if (peak === 0) return ok("nothing is to be fetched");
    const about = isExact ? "" : "about ";
    const free = freeBytesOf(base);
    const sentence = `what is missing: ${about}${bytesText(download)} to fetch, ${about}${bytesText(peak)} of the disk for a while; ${bytesText(free)} are free in ${base}`;
    return hasSpace(free, peak)
      ? ok(sentence)
      : fail(sentence, "Make room, or choose another folder with --models.dir.");
  },
};

const models: Check = {
  name: "models",
  timeoutMs: LOOK_MS + NODE_MS,
  deepMs: VERIFY_MS,
  async run(patient) {
    if (BUILD.withoutInference !== undefined)
      return fail(
        `no model runs in this executable: ${BUILD.withoutInference}`,
        "Validate on Linux or on a Mac with Apple silicon.",
      );
    const found = await readNeeded(patient);
    if (found === undefined) return skip(NONE_NAMED);
    const { directory, models: needed } = found;
    const inside = needed.filter(({ isEmbedded }) => isEmbedded).map(({ placed }) => placed.id);
    const outside = needed.filter(({ isEmbedded }) => !isEmbedded);
    const findings: Finding[] = inside.length === 0 ? [] : [ok(`${inside.join(", ")}: inside the program`)];
    for (const one of outside) findings.push(await judge(directory, one, patient.isDeep));
    return findings.length > 0 ? findings : ok("none needed");
  },
};

async function judge(
  directory: string,
  { placed, model, isBrought }: NeededModel,
  isDeep: boolean,
): Promise<Finding> {
  const { id, roles } = placed;
  const what = `${id} (${roles.join(", ")})`;
  if (model === undefined)
    return fail(
      `${what} is no model that is known or in ${directory}`,
      `openvalidator models import ${id} FOLDER`,
    );
  const bring = bringCommand(model);
  const state = modelState(directory, model);
  if (state !== "here" && isBrought && isPulled(model))
    return ok(`${what} is not in ${directory} yet; the first start brings it`);
  if (state !== "here")
    return fail(
      `${what} is ${state === "partly" ? "only partly in" : "not in"} ${directory}`,
      `${bring}${isPulled(model) ? "" : " (models/README.md says how the folder is made)"}`,
    );
  const dtypes = dtypesOf({ files: [...lockedFiles(directory, model).values()] }).join(" ");
  if (!isDeep) return ok(`${what}: ${dtypes}, every file in its size; --deep reads them`);
  const [first, ...others] = await verifyModel(directory, model);
  return first === undefined
    ? ok(`${what}: ${dtypes}, every hash right`)
    : fail(
        `${what}: ${first.path}: ${first.problem}${others.length > 0 ? ` and ${others.length} more` : ""}`,
        bring,
      );
}

export const MODEL_CHECKS: readonly Check[] = [profile, models, space];
