import type { EventLine, RunFacts } from "./source.ts";
import { numberOf } from "./values.ts";

const SS58 = /^5[1-9A-HJ-NP-Za-km-z]{47}$/;
const PROGRAM = /^\d+\.\d+\.\d+$/;
const NETUID_TAG = /^netuid_(\d{1,5})$/;
/** Before every row of its run. */
const FACTS_SEQUENCE = -1;

export const NO_FACTS: RunFacts = { id: undefined, tags: [], config: {}, createdAt: undefined };

/** Who validated where, as tags and config of openvalidators 1.x and of ours say. */
export interface Identity {
  hotkey: string;
  netuid: number;
  genesis: string;
}

export function identityOf({ tags, config }: RunFacts): Identity {
  const validator = objectOf(config.validator);
  const tag = tags.map((one) => NETUID_TAG.exec(one)?.[1]).find((one) => one !== undefined);
  const netuid = numberOf(config.netuid) ?? numberOf(tag) ?? 1;
  return {
    hotkey:
      typeof validator.hotkey === "string" ? validator.hotkey : (tags.find((one) => SS58.test(one)) ?? ""),
    netuid: Number.isSafeInteger(netuid) ? netuid : 1,
    genesis: typeof validator.genesis === "string" ? validator.genesis : "",
  };
}

/** Sections of a run's config as the settings of a `run` event: `{neuron: {device}}` → `neuron.device`. */
export function settingsOf(config: RunFacts["config"]): Record<string, { value: unknown; origin: string }> {
  const entries: [string, unknown][] = [];
  for (const [section, value] of Object.entries(config)) {
    if (section === "_wandb" || section === "validator" || section === "signature") continue;
    const inner = typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
    if (inner === undefined) entries.push([section, value]);
    else for (const [name, one] of Object.entries(inner)) entries.push([`${section}.${name}`, one]);
  }
  return Object.fromEntries(entries.map(([flag, value]) => [flag, { value, origin: "W&B" }]));
}

/** What the run was, for a run whose rows have no `run` event; undefined where nothing is known. */
export function runLine(facts: RunFacts, run: string, time: string | null): EventLine | undefined {
  if (facts.id === undefined) return undefined;
  const validator = objectOf(facts.config.validator);
  const program = validator.version ?? facts.tags.find((tag) => PROGRAM.test(tag)) ?? null;
  const { hotkey, netuid, genesis } = identityOf(facts);
  return {
    kind: "run",
    version: 2,
    time: facts.createdAt ?? time,
    genesis,
    netuid,
    hotkey,
    block: 0,
    run,
    sequence: FACTS_SEQUENCE,
    program,
    commit: validator.commit ?? null,
    target: validator.target ?? null,
    profile: validator.profile ?? null,
    models: Array.isArray(validator.models) ? validator.models : [],
    settings: settingsOf(facts.config),
    uid: numberOf(validator.uid) ?? null,
    permit: null,
    stake_tao: null,
    spec_version: null,
    endpoint: null,
    steps: null,
    sets_weights: null,
    epoch_blocks: null,
    last_weights_block: null,
  };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
