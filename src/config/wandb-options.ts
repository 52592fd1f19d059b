import { choice, integer, type Kind, list, moment, optional, text, toggle } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

/** Weights & Biases, with the flags and defaults of openvalidators 1.2.0. */
export const WANDB_OPTIONS = {
  "wandb.off": option(toggle, false, "telemetry", "Send and keep nothing for Weights & Biases."),
  "wandb.project_name": option(text, "openvalidators", "telemetry", "Project of the runs."),
  "wandb.entity": option(
    text,
    "opentensor-dev",
    "telemetry",
    "Entity of the project; a key that may not write there uses its own.",
  ),
  "wandb.offline": option(
    toggle,
    false,
    "telemetry",
    "Keep the rows on disk for openvalidator wandb sync, and send nothing.",
  ),
  "wandb.weights_step_length": option(
    integer({ min: 1, max: 1_000_000 }),
    10,
    "telemetry",
    "Every so many steps a row has the weights that were last set.",
  ),
  "wandb.run_step_length": option(
    integer({ min: 1, max: 1_000_000 }),
    1_500,
    "telemetry",
    "Steps after which a new run begins.",
  ),
  "wandb.track_gating_model": option(
    toggle,
    false,
    "telemetry",
    "Upload the gating layer as an artifact, once an epoch and at the end.",
  ),
  "wandb.notes": option(text, "", "telemetry", "Notes of the runs."),
} as const satisfies OptionTable;

/** As W&B's own client takes names of projects and ids of runs: nothing that means something in an address or a path. */
const wandbName: Kind<string> = {
  hint: "NAME",
  parse(value) {
    if (!/^[^/\\#?%:\p{C}\s]{1,128}$/u.test(value) || /^\.+$/.test(value))
      throw new Error(
        `must be a name of W&B, at most 128 characters without blanks and / \\ # ? % :, not ${JSON.stringify(value)}`,
      );
    return value;
  },
};

const RUN_STATES = [
  "finished",
  "running",
  "crashed",
  "failed",
  "killed",
  "preempting",
  "preempted",
  "pending",
] as const;

/** What `openvalidator wandb download` gets, with the words of openvalidators 1.2.0's data collector. */
export const WANDB_DOWNLOAD_OPTIONS = {
  entity: option(wandbName, "opentensor-dev", "telemetry", "Entity whose runs are downloaded."),
  project: option(wandbName, "openvalidators", "telemetry", "Project of the runs."),
  run: option(list(wandbName), [], "telemetry", "Ids of runs, with commas between."),
  tags: option(list(text), [], "telemetry", "Tags that a run must have, all of them, with commas between."),
  since: option(optional(moment), undefined, "telemetry", "Runs made then or later: a day, 7d or 12h."),
  state: option(
    list({ ...choice(...RUN_STATES), hint: "STATE" }),
    [],
    "telemetry",
    `States of runs, with commas between: ${RUN_STATES.join(", ")}.`,
  ),
  filters: option(
    optional(text),
    undefined,
    "telemetry",
    "Further conditions, as W&B's own client takes them: JSON.",
  ),
  all: option(toggle, false, "telemetry", "Runs of every version, where nothing else says which."),
} as const satisfies OptionTable;
