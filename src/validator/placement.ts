import { Failure } from "../base/error.ts";
import type { ConfigCode, DeviceChoice } from "../config/kinds.ts";
import type { Settings } from "../config/options.ts";
import type { PlacedModel } from "../inference/pool.ts";
import { type RoleModel, rolesOf } from "../rewards/roles.ts";
import type { Scoring } from "./open-judge.ts";

export interface ModelInRole extends PlacedModel {
  roles: string[];
}

/**
 * Every model that scoring and routing need, where it is to run, in load order.
 * @throws Failure `rewards.bad-profile`, `rewards.bad-weights`; `config.conflict` where two roles want one model on two devices or in two dtypes
 */
export function placeModels(
  settings: Settings,
  { profile, ...choice }: Scoring,
  gating: string,
): ModelInRole[] {
  const { device, byRole } = settings.neuronDevice;
  const scoring = rolesOf(profile, choice);
  const roles: RoleModel[] = [
    ...scoring.filter(({ isOptional }) => !isOptional),
    // Routing can do without, but not as well as the rewards without shadow scores: miners are drawn at random then.
    {
      role: "gating",
      model: gating,
      // The profile speaks of its own encoder; the operator may have named another.
      dtypes: profile.gating?.model === gating ? profile.gating.dtype : undefined,
      isOptional: true,
    },
    ...scoring.filter(({ isOptional }) => isOptional),
  ];
  const placed = new Map<string, ModelInRole & { isPlaced: boolean }>();
  for (const { role, model, dtypes, isOptional = false } of roles) {
    const own: DeviceChoice | undefined = byRole[role];
    const known = placed.get(model);
    if (known === undefined) {
      placed.set(model, {
        id: model,
        device: own ?? device,
        dtypes,
        isOptional,
        roles: [role],
        isPlaced: own !== undefined,
      });
      continue;
    }
    if (!known.roles.includes(role)) known.roles.push(role);
    // A role that says nothing of its device goes where the model is.
    if (own !== undefined && own !== known.device) {
      if (known.isPlaced) throw conflict(known.roles[0]!, role, model, `${known.device} and ${own}`);
      known.device = own;
      known.isPlaced = true;
    }
    if (dtypes !== undefined && JSON.stringify(dtypes) !== JSON.stringify(known.dtypes)) {
      if (known.dtypes !== undefined) throw conflict(known.roles[0]!, role, model, "two dtypes");
      known.dtypes = dtypes;
    }
    known.isOptional &&= isOptional;
  }
  // One that a needed role shares is needed, whichever role came first.
  const all = [...placed.values()].map(({ isPlaced: _isPlaced, ...model }) => model);
  return [...all.filter(({ isOptional }) => !isOptional), ...all.filter(({ isOptional }) => isOptional)];
}

function conflict(first: string, second: string, model: string, what: string): Failure<ConfigCode> {
  return new Failure<ConfigCode>("config.conflict", {
    message: `${first} and ${second} share the model ${model}, which cannot run on ${what}`,
    hint: "give both roles one device (--neuron.device) and one dtype (the profile)",
  });
}
