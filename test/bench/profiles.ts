import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../../src/base/error.ts";
import type { DeviceChoice } from "../../src/config/kinds.ts";
import { modelDirectory } from "../../src/config/paths.ts";
import { InferenceSupervisor, type SupervisorOptions } from "../../src/inference/supervisor.ts";
import { embeddedManifests } from "../../src/models/catalog.ts";
import type { ModelCode } from "../../src/models/failure.ts";
import { requireModels } from "../../src/models/known-models.ts";
import { modelFolder } from "../../src/models/locked-manifest.ts";
import type { Profile } from "../../src/rewards/profile.ts";
import { chosenProfile, PROFILE_NAMES } from "../../src/rewards/profiles.ts";
import { rolesOf } from "../../src/rewards/roles.ts";
import type { ServedModels } from "../../src/rewards/served.ts";
import { Remembered, rememberedModels } from "./remembered.ts";

/** What the command line of the benches says of profiles. */
export interface ProfileChoice {
  /** Names, or paths of files; every profile of this program when left out. */
  profiles?: readonly string[] | undefined;
  /** Folder of the models; that of the program when left out. */
  models?: string | undefined;
  /** What all models run on; the CPU when left out. */
  device?: DeviceChoice | undefined;
  /** File in which numbers of models are kept for the next run of the same version. */
  cache?: string | undefined;
  /** Told of a profile that is not run; prints unless given. */
  tell?: (sentence: string) => void;
}

/** Hours may pass on a busy machine until a large model has read a step's answers; none of these models hangs. */
const PATIENCE_MS = 3_600_000;

/**
 * Runs a bench for each profile that was named, or else for each one of this program whose models are here; tells of the
 * others, in a sentence each, why not.
 * @throws Failure `model.missing` for a profile that was named and whose models are not here, `config.bad-value`
 */
export async function withProfiles<T>(
  {
    profiles: named,
    models,
    device = "cpu",
    cache,
    tell = (sentence) => process.stdout.write(`${sentence}\n`),
  }: ProfileChoice,
  bench: (profile: Profile, models: ServedModels) => Promise<T[]>,
): Promise<T[]> {
  const directory = modelDirectory(models, process.env);
  const remembered = new Remembered(cache);
  try {
    const results: T[] = [];
    for (const profile of (named ?? PROFILE_NAMES).map(chosenProfile)) {
      const roles = rolesOf(profile, { isShadowOff: true, masks: { diversity: false } });
      try {
        requireModels([...new Set(roles.map(({ model }) => model))], directory);
      } catch (error) {
        if (named !== undefined || !isFailure<ModelCode>(error, "model.missing")) throw error;
        tell(`The profile ${profile.id} was not run: ${error.message}.`);
        continue;
      }
      process.stderr.write(`  profile ${profile.id} …\n`);
      const orders = new Map(
        roles.map(({ model, dtypes }) => [model, { id: model, ...(dtypes && { dtypes }) }]),
      );
      const settings = { device, models: [...orders.values()], modelDirectory: directory };
      results.push(...(await withModels(settings, remembered, (served) => bench(profile, served))));
    }
    return results;
  } finally {
    remembered.close();
  }
}

async function withModels<T>(
  settings: SupervisorOptions & { modelDirectory: string },
  remembered: Remembered,
  use: (served: ServedModels) => Promise<T>,
): Promise<T> {
  const inference = await InferenceSupervisor.start({ ...settings, requestTimeoutMs: PATIENCE_MS });
  try {
    const origins = new Map(
      inference.running.map(({ id, dtype, device }) => [
        id,
        `${device} ${dtype} ${manifestHash(settings.modelDirectory, id)}`,
      ]),
    );
    return await use(rememberedModels(inference, remembered, (model) => origins.get(model) ?? model));
  } finally {
    await inference.stop();
  }
}

/** Stands for the hashes of a model's files, the weights among them, and for how it is read. */
function manifestHash(directory: string, id: string): string {
  const embedded = embeddedManifests().find((manifest) => manifest.id === id);
  const manifest =
    embedded === undefined
      ? readFileSync(join(modelFolder(directory, id), "manifest.json"))
      : JSON.stringify(embedded);
  return new Bun.CryptoHasher("sha256").update(manifest).digest("hex");
}
