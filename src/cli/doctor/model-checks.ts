import { BUILD } from "../../config/version.ts";
import { isPulled } from "../../models/known-models.ts";
import { dtypesOf, lockedFiles, modelState } from "../../models/locked-manifest.ts";
import { verifyModel } from "../../models/pull.ts";
import { type Check, type Finding, fail, ok } from "./check.ts";
import { type NeededModel, readNeeded } from "./models-needed.ts";

const LOOK_MS = 4_000;
/** Reading and hashing some ten gigabytes. */
const VERIFY_MS = 600_000;

const models: Check = {
  name: "models",
  timeoutMs: LOOK_MS,
  deepMs: VERIFY_MS,
  async run(patient) {
    if (BUILD.withoutInference !== undefined)
      return fail(
        `no model runs in this executable: ${BUILD.withoutInference}`,
        "Validate on Linux or on a Mac with Apple silicon.",
      );
    const { directory, models: needed } = readNeeded(patient);
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
  const bring =
    model === undefined || !isPulled(model)
      ? `openvalidator models import ${id} FOLDER`
      : `openvalidator models pull ${id}`;
  if (model === undefined) return fail(`${what} is no model that is known or in ${directory}`, bring);
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

export const MODEL_CHECKS: readonly Check[] = [models];
