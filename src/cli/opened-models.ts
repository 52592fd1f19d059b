import { badValue } from "../config/kinds.ts";
import { loadConfiguration, type Origin, originWords } from "../config/load.ts";
import { MODELS_PULL_OPTIONS } from "../config/models-options.ts";
import { modelDirectory } from "../config/paths.ts";
import { hubAccess } from "../models/hub-files.ts";
import { knownModels } from "../models/known-models.ts";
import { type Dtype, dtypeSchema } from "../models/manifest.ts";
import { type CommandContext, sourcesOf } from "./command.ts";

/** What every command of models works with. */
export function openModels(context: CommandContext) {
  const { settings, origins } = loadConfiguration(MODELS_PULL_OPTIONS, sourcesOf(context));
  const directory = modelDirectory(settings.modelsDir, context.environment);
  return {
    directory,
    catalog: knownModels(directory),
    access: hubAccess(settings, context.signal),
    profile: settings.profile,
    ...(settings.dtype === undefined
      ? {}
      : { dtypes: parseDtypes(settings.dtype, origins.dtype, context.command) }),
  };
}

/** The names in `fp16,q4`, each once. */
function parseDtypes(text: string, origin: Origin, command: string): Dtype[] {
  const dtypes = text.split(",").map((word) => {
    const parsed = dtypeSchema.safeParse(word.trim());
    if (parsed.success) return parsed.data;
    const known = dtypeSchema.options.join(", ");
    throw badValue(
      "dtype",
      originWords(origin),
      `must be some of ${known}, with commas, not "${word}"`,
      command,
    );
  });
  return [...new Set(dtypes)];
}
