import { optional, text } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";
import { OPTIONS } from "./options.ts";

/** What `openvalidator models` works with. */
export const MODELS_OPTIONS = {
  modelsDir: OPTIONS.modelsDir,
  modelsMirror: OPTIONS.modelsMirror,
  modelsToken: OPTIONS.modelsToken,
} as const satisfies OptionTable;

/** What `models import` takes besides. */
export const MODELS_IMPORT_OPTIONS = {
  ...MODELS_OPTIONS,
  dtype: option(
    "dtype",
    optional(text),
    undefined,
    "models",
    "Weights of these forms alone, for example fp16,q4 (default: all that the model comes in).",
  ),
} as const satisfies OptionTable;

export const MODELS_PULL_OPTIONS = {
  ...MODELS_IMPORT_OPTIONS,
  profile: option(
    "profile",
    optional(text),
    undefined,
    "models",
    "Pull every model that this profile needs: a name, or the path of a file.",
  ),
} as const satisfies OptionTable;
