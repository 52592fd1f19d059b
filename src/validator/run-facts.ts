import { printableUrl } from "../base/url.ts";
import type { ChainConnection } from "../chain/connection.ts";
import { describeOrigin, type Origin } from "../config/load.ts";
import { nameOf } from "../config/option.ts";
import { OPTIONS, type Settings } from "../config/options.ts";
import { shownText } from "../config/shown-text.ts";
import { BUILD } from "../config/version.ts";
import type { RunBody } from "../events/schema.ts";
import type { RunningModel } from "../inference/changes.ts";
import type { Neuron } from "./ports.ts";
import type { RunFacts, Session } from "./session.ts";
import { nextWeights, openingBefore } from "./weights-schedule.ts";

export interface RunSources {
  settings: Settings;
  origins: Partial<Record<keyof Settings, Origin>> | undefined;
  profile: string;
  /** Roles by model. */
  roles: ReadonlyMap<string, string[]>;
  running: readonly RunningModel[];
  connection: Pick<ChainConnection, "endpoint" | "specVersion">;
}

/** What is known of a run before its first step: program, models, settings without secrets, chain. */
export function runFacts({
  settings,
  origins = {},
  profile,
  roles,
  running,
  connection,
}: RunSources): RunFacts {
  return {
    program: BUILD.version,
    commit: BUILD.commit,
    target: BUILD.target,
    profile,
    models: running.map(({ id, dtype, device, sha256 }) => ({
      id,
      roles: roles.get(id) ?? [],
      dtype,
      device,
      sha256,
    })),
    settings: settingsWithOrigin(settings, origins),
    spec_version: connection.specVersion,
    endpoint: printableUrl(connection.endpoint),
  };
}

/** Every setting but the secret ones, by its flag. */
function settingsWithOrigin(
  settings: Settings,
  origins: Partial<Record<keyof Settings, Origin>>,
): RunBody["settings"] {
  const told: RunBody["settings"] = {};
  for (const [flag, option] of Object.entries(OPTIONS)) {
    const name = nameOf(flag) as keyof Settings;
    const value = settings[name];
    if (option.secret || value === undefined) continue;
    const origin = origins[name];
    told[flag] = {
      value: typeof value === "string" ? shownText(flag, value) : JSON.parse(JSON.stringify(value)),
      origin: origin === undefined ? "default" : describeOrigin(origin),
    };
  }
  return told;
}

/** The first event of a run, with where this validator stands on its subnet. */
export function tellRun<N extends Neuron>({ state, modules, settings }: Session<N>, facts: RunFacts): void {
  const { mechanisms } = state.subnet;
  const own = state.subnet.neurons[state.subnet.ownUid]!;
  const plan = { settings, state };
  const last = Math.min(...mechanisms.map(({ ownLastUpdate }) => ownLastUpdate));
  const { block } = state.subnet;
  modules.feed.emit({
    ...facts,
    kind: "run",
    uid: own.uid,
    permit: own.hasValidatorPermit,
    stake_tao: own.stakeTao,
    steps: state.steps,
    sets_weights: settings.setsWeights,
    epoch_blocks: settings.epochBlocks || state.subnet.tempo,
    last_weights_block: last,
    ...(openingBefore(plan.settings, plan.state.subnet, block) !== undefined && {
      next_weights_block: nextWeights(plan, last, block),
    }),
    mechanisms: mechanisms.map(({ mecid, share, ownLastUpdate }) => ({
      mecid,
      share: share ?? 0,
      last_weights_block: ownLastUpdate,
    })),
  });
}
