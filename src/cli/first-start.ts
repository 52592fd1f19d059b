import { childEnvironment } from "../base/child-environment.ts";
import { log } from "../base/log.ts";
import { ownCommand } from "../base/program.ts";
import { isPublicGenesis } from "../chain/networks.ts";
import type { Settings } from "../config/options.ts";
import { modelDirectory } from "../config/paths.ts";
import { formRunner } from "../inference/form-runner.ts";
import { pullSource } from "../models/built-model.ts";
import { type CatalogModel, embeddedManifests } from "../models/catalog.ts";
import { checkSpace } from "../models/disk-space.ts";
import type { Progress } from "../models/fetched-files.ts";
import { hubAccess } from "../models/hub-files.ts";
import { isPulled, knownModels, preferredDtypes } from "../models/known-models.ts";
import { modelState } from "../models/locked-manifest.ts";
import { pullModel } from "../models/pull.ts";
import { type PullPlan, planPull, totalOf } from "../models/pull-plan.ts";
import { blindSpots, hasJudge, judgeRemedy } from "../rewards/blind-spots.ts";
import { readScoring } from "../validator/open-judge.ts";
import { encoderOf } from "../validator/open-router.ts";
import { placeModels } from "../validator/placement.ts";
import { amountText, bytesText } from "./progress.ts";
import { openStartPatience } from "./start-patience.ts";

/**
 * Memory of a GPU from which on the models of `standard` are chosen: their best forms have 7 GB, of which `--models.memory`
 * lets 80 % of a device be filled, and a batch of answers takes the rest.
 */
export const STANDARD_GPU_BYTES = 11 * 2 ** 30;
/** A driver that does not answer by then is none to score with. */
const GPU_TIMEOUT_MS = 20_000;
const TENTHS = 10;

export interface ProfileChoice {
  profile: string;
  /** After "because". */
  reason: string;
}

/** What scores where nobody named a profile. @param gpuBytes memory of the best GPU; 0 where there is none, or none is wanted */
export function defaultProfile(isPublic: boolean, gpuBytes: number): ProfileChoice {
  if (!isPublic) return { profile: "embedded", reason: "the chain is a local or development one" };
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  if (gpuBytes >= STANDARD_GPU_BYTES)
    return { profile: "standard", reason: `the network is public and the GPU has ${gibibytes(gpuBytes)}` };
  return {
    profile: "lite",
    reason:
      gpuBytes > 0
        ? `the network is public and the GPU has ${gibibytes(gpuBytes)} of the ${gibibytes(STANDARD_GPU_BYTES)} for standard`
        : "the network is public and no GPU is used",
  };
}

/**
 * Chooses the profile of a run where the settings name none, says so in one line, and on a public network brings the models
 * that are not here, unless `--models.offline`.
 * @param gpuBytes for tests
 * @returns the settings with a profile
 * @throws as pulls
 */
export async function readyModels(
  settings: Settings,
  genesisHash: string,
  signal: AbortSignal,
  gpuBytes: (settings: Settings) => Promise<number> = bestGpuBytes,
): Promise<Settings> {
  const isPublic = isPublicGenesis(genesisHash);
  if (settings.neuronMockRewardModels) return settings;
  if (settings.modelsProfile !== undefined) {
    warnOfBlindness(settings, isPublic);
    return settings;
  }
  const { profile, reason } = defaultProfile(isPublic, isPublic ? await gpuBytes(settings) : 0);
  log.info("Profile of models chosen", { profile, because: reason, otherwise: "--models.profile" });
  const chosen = { ...settings, modelsProfile: profile };
  warnOfBlindness(chosen, isPublic);
  if (!isPublic || settings.modelsOffline) return chosen;
  const patience = openStartPatience(process.env);
  try {
    await bringModels(missingModels(chosen), chosen, signal, patience.more);
  } finally {
    patience.close();
  }
  return chosen;
}

/** On a public network strangers earn by what nobody judges. @throws as `readScoring` */
function warnOfBlindness(settings: Settings, isPublic: boolean): void {
  const { profile, ...choice } = readScoring(settings);
  if (!isPublic || hasJudge(profile, choice)) return;
  log.warn(
    `The profile ${profile.id} scores on a public network: nothing that counts was trained to tell good answers from bad ones, and it cannot judge ${blindSpots(profile, choice)}`,
    { remedy: judgeRemedy(profile) },
  );
}

/** Models that these settings load, that can be pulled, and that are not here. */
function missingModels(settings: Settings): CatalogModel[] {
  const directory = modelDirectory(settings.modelsDir, process.env);
  const scoring = readScoring(settings);
  const inside = new Set(embeddedManifests().map(({ id }) => id));
  const placed = placeModels(settings, scoring, encoderOf(settings, scoring.profile));
  const ids = new Set(placed.map(({ id }) => id).filter((id) => !inside.has(id)));
  return knownModels(directory).filter(
    (model) => ids.has(model.id) && isPulled(model) && modelState(directory, model) !== "here",
  );
}

/**
 * Pulls models, or builds them from their original weights, in their best forms, and logs how far it is.
 * @param onGrowth told of every growth, in words
 * @throws as pulls
 */
export async function bringModels(
  missing: readonly CatalogModel[],
  settings: Pick<Settings, "modelsDir" | "modelsMirror" | "modelsToken">,
  signal: AbortSignal,
  onGrowth: (status: string) => void,
): Promise<void> {
  if (missing.length === 0) return;
  const directory = modelDirectory(settings.modelsDir, process.env);
  const access = hubAccess(settings, signal);
  const plans: PullPlan[] = [];
  for (const model of missing) {
    const wanted = { dtypes: preferredDtypes(model), access };
    plans.push((await planPull(directory, model, wanted))!);
  }
  const { download, result, peak } = totalOf(plans);
  log.info("Models of the profile are not here and are brought now", {
    models: missing.map(({ id }) => id),
    directory,
    download: bytesText(download),
    onDiskAtMost: bytesText(result),
    forAWhileAtMost: bytesText(peak),
  });
  checkSpace(directory, peak, "the profile");
  for (const model of missing) {
    const dtypes = preferredDtypes(model);
    const options = { dtypes, onProgress: tenthsOf(model.id, onGrowth) };
    log.info("Bringing a model", { model: model.id, repo: model.repo, licence: model.licence.spdx });
    if (model.checkpoint === undefined) await pullModel(directory, model, access, options);
    else
      await pullSource(directory, model, model.checkpoint, access, {
        ...options,
        runner: formRunner,
        onPlan: ({ downloadBytes, resultBytes, truthBytes }) =>
          log.info("The model is built from its original weights", {
            model: model.id,
            download: bytesText(downloadBytes),
            resultAtMost: bytesText(resultBytes),
            ...(truthBytes > 0 && { fp32ForAWhileAtMost: bytesText(truthBytes) }),
          }),
      });
  }
  log.info("All models of the profile are here", { directory });
}

/** One line of the log for each tenth of a file. */
function tenthsOf(model: string, onGrowth: (status: string) => void): Progress {
  const told = new Map<string, number>();
  return (file, bytes, total, unit) => {
    const amount = amountText(total, unit);
    onGrowth(`Bringing ${model}: ${amountText(bytes, unit)} of ${amount} of ${file}`);
    const tenth = Math.floor((bytes / total) * TENTHS);
    if (tenth <= (told.get(file) ?? 0)) return;
    told.set(file, tenth);
    log.info("A model grows", { model, file, percent: tenth * TENTHS, of: amount });
  };
}

/** Asked in a process of its own, for a driver that crashes must not take this one with it. */
async function bestGpuBytes({ neuronDevice }: Settings): Promise<number> {
  if (neuronDevice.device === "cpu") return 0;
  const child = Bun.spawn(ownCommand("devices", "--json"), {
    env: childEnvironment(process.env),
    stdin: "ignore",
    stderr: "ignore",
    timeout: GPU_TIMEOUT_MS,
  });
  const [text, exitCode] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (exitCode !== 0) {
    log.warn("The GPUs could not be listed, so none is counted on", { exitCode });
    return 0;
  }
  const { adapters } = JSON.parse(text) as {
    adapters: { isHardware: boolean; memoryBytes: number }[] | null;
  };
  return largestMemory(adapters ?? []);
}

/** Bytes of the GPU that has most; 0 where there is none. */
export const largestMemory = (adapters: readonly { isHardware: boolean; memoryBytes: number }[]): number =>
  Math.max(0, ...adapters.flatMap(({ isHardware, memoryBytes }) => (isHardware ? memoryBytes : [])));
