import { oneDevice, optional, text } from "./kinds.ts";
import { type OptionTable, option, rowsOf } from "./option.ts";
import { OPTIONS } from "./options.ts";

/** What `openvalidator models` works with. */
export const MODELS_OPTIONS = rowsOf(OPTIONS, "models.dir", "models.mirror", "models.token");

/** What `models show` takes besides. */
export const MODELS_SHOW_OPTIONS = {
  ...MODELS_OPTIONS,
  device: option(
    optional(oneDevice),
    undefined,
    "models",
    "Load the model there (auto, cpu, webgpu, webgpu:N, webgpu:NAME), try it, and tell which nodes run on the device and which on the CPU.",
  ),
} as const satisfies OptionTable;

/** What `models import` takes besides. */
export const MODELS_IMPORT_OPTIONS = {
  ...MODELS_OPTIONS,
  dtype: option(
    optional(text),
    undefined,
    "models",
    "Weights of these forms alone, for example fp16,q4 (default: all that the model comes in).",
  ),
} as const satisfies OptionTable;

export const MODELS_PULL_OPTIONS = {
  ...MODELS_IMPORT_OPTIONS,
  profile: option(
    optional(text),
    undefined,
    "models",
    "Pull every model that this profile needs: a name, or the path of a file.",
  ),
} as const satisfies OptionTable;
