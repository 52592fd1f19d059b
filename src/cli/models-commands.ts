import {
  MODELS_IMPORT_OPTIONS,
  MODELS_OPTIONS,
  MODELS_PULL_OPTIONS,
  MODELS_SHOW_OPTIONS,
} from "../config/models-options.ts";
import { LOG_OPTIONS } from "../config/options.ts";
import type { Command } from "./command.ts";

/** Commands of the models that are on this machine, in the order of the help screen. */
export const MODELS_COMMANDS: readonly Command[] = [
  {
    path: ["models", "list"],
    summary: "List the models, what they are for, and which are here.",
    table: { ...MODELS_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print JSON." },
    load: async () => (await import("./commands/models-list.ts")).listModels,
  },
  {
    path: ["models", "pull"],
    summary: "Download models and check them; goes on where it stopped.",
    table: { ...MODELS_PULL_OPTIONS, ...LOG_OPTIONS },
    switches: {
      "keep-source": "Keep the original weights of models that are built here, until `models remove`.",
      original: "Build of the original weights what the hub has as a graph too.",
    },
    words: { hint: "[ID|PROFILE…]", min: 0, max: 32 },
    examples: [
      "openvalidator models pull all-mpnet-base-v2 --dtype fp16",
      "openvalidator models pull standard",
    ],
    load: async () => (await import("./commands/models.ts")).pull,
  },
  {
    path: ["models", "verify"],
    summary: "Read every file of the models that are here, and name the damaged ones.",
    table: { ...MODELS_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "[ID…]", min: 0, max: 32 },
    load: async () => (await import("./commands/models.ts")).verify,
  },
  {
    path: ["models", "path"],
    summary: "Print the folder of a model.",
    table: { ...MODELS_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "ID", min: 1, max: 1 },
    load: async () => (await import("./commands/models.ts")).printPath,
  },
  {
    path: ["models", "import"],
    summary: "Take a model from a folder, for machines without a network.",
    table: { ...MODELS_IMPORT_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "ID FOLDER", min: 2, max: 2 },
    load: async () => (await import("./commands/models.ts")).importFolder,
  },
  {
    path: ["models", "build"],
    summary: "Build a model from original weights in a folder, without a network.",
    table: { ...MODELS_IMPORT_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "ID FOLDER", min: 2, max: 2 },
    load: async () => (await import("./commands/models-build.ts")).build,
  },
  {
    path: ["models", "show"],
    summary: "Show what is known of a model, its files and numbers, and what it was built from.",
    table: { ...MODELS_SHOW_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print JSON." },
    words: { hint: "ID", min: 1, max: 1 },
    examples: ["openvalidator models show all-mpnet-base-v2 --device webgpu"],
    load: async () => (await import("./commands/models-show.ts")).show,
  },
  {
    path: ["models", "remove"],
    summary: "Delete a model, and the original weights that were kept of it.",
    table: { ...MODELS_OPTIONS, ...LOG_OPTIONS },
    switches: {
      "keep-source": "Leave the original weights, of which `models build` makes it again.",
      "source-only": "Delete the original weights alone; the model stays.",
    },
    words: { hint: "ID", min: 1, max: 1 },
    load: async () => (await import("./commands/models-remove.ts")).remove,
  },
];
