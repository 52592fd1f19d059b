import { specVersion } from "../config/version.ts";
import type { RunEvent } from "../events/schema.ts";

/** What W&B is told of a run before its first row. */
export interface RunDescription {
  entity: string;
  project: string;
  /** Name for people. */
  displayName: string;
  notes: string;
  tags: string[];
  /** By section, as openvalidators 1.2.0 had it; each is wrapped as `{value}` on its way. */
  config: Record<string, unknown>;
}

export interface WandbSettings {
  wandbProjectName: string;
  wandbEntity: string;
  wandbNotes: string;
}

/** Sections of the settings that go to W&B. Names of wallets and paths of this machine are nobody's business. */
const SECTIONS = new Set(["neuron", "reward", "netuid", "wandb", "gating", "shadow", "mock"]);
/** Rewards as openvalidators 1.2.0 called them; of its masks, one is called so too. */
const REWARD_NAME = /_reward_model$/;
const MASK_NAME = "diversity_reward_model";
/** Limit of W&B. */
const MAX_TAG_LENGTH = 64;

/**
 * Tags, config and name of a run, with the contents of openvalidators 1.2.0.
 * @param sign the hotkey's signature over the id of the run, hex; absent where nothing can sign
 */
export function describeRun(
  id: string,
  event: RunEvent,
  settings: WandbSettings,
  sign?: (id: string) => Uint8Array,
): RunDescription {
  const { hotkey, genesis, netuid, uid, program, commit, target, profile, models, settings: flags } = event;
  const isOn = (flag: string): boolean => flags[flag]?.value === true;
  const rewards = models
    .flatMap(({ roles }) => roles)
    .filter((role) => REWARD_NAME.test(role) && role !== MASK_NAME);
  const tags = [
    hotkey,
    program,
    String(specVersion(program)),
    `netuid_${netuid}`,
    ...(isOn("mock") ? ["mock"] : []),
    ...(isOn("neuron.use_custom_gating_model") ? ["custom_gating_model"] : []),
    ...rewards,
    ...(isOn("neuron.disable_set_weights") ? ["disable_set_weights"] : []),
    ...(isOn("neuron.disable_log_rewards") ? ["disable_log_rewards"] : []),
  ];
  const signature = sign?.(id);
  return {
    entity: settings.wandbEntity,
    project: settings.wandbProjectName,
    displayName: `${netuid}-${uid}-${id}`,
    notes: settings.wandbNotes,
    tags: [...new Set(tags)].filter((tag) => tag.length <= MAX_TAG_LENGTH),
    config: {
      ...sectionsOf(flags),
      netuid,
      validator: { version: program, commit, target, profile, uid, hotkey, genesis, models, run: event.run },
      ...(signature && { signature: Buffer.from(signature).toString("hex") }),
    },
  };
}

/** `neuron.device` → `{neuron: {device}}`. */
function sectionsOf(flags: RunEvent["settings"]): Record<string, unknown> {
  const sections: Record<string, Record<string, unknown>> = {};
  const single: Record<string, unknown> = {};
  for (const [flag, { value }] of Object.entries(flags)) {
    const [section, ...rest] = flag.split(".") as [string, ...string[]];
    if (!SECTIONS.has(section)) continue;
    if (rest.length === 0) single[section] = value;
    else {
      sections[section] ??= {};
      sections[section][rest.join(".")] = value;
    }
  }
  return { ...sections, ...single };
}
