import type { WantedDtypes } from "../inference/protocol.ts";
import { chosenProfile } from "../rewards/profiles.ts";
import { rolesOf } from "../rewards/roles.ts";

/** A model that scoring with a profile loads. */
export interface ProfileNeed {
  id: string;
  roles: string[];
  /** Forms that the profile asks for, in place of the manifest's. */
  dtypes: WantedDtypes | undefined;
}

/** The models of a profile, each once, in the order in which they are loaded. @throws as `chosenProfile` */
export function modelsOfProfile(nameOrPath: string): ProfileNeed[] {
  const needs = new Map<string, ProfileNeed>();
  for (const { model, role, dtypes } of rolesOf(chosenProfile(nameOrPath), {})) {
    const known = needs.get(model) ?? { id: model, roles: [], dtypes };
    if (!known.roles.includes(role)) known.roles.push(role);
    known.dtypes ??= dtypes;
    needs.set(model, known);
  }
  return [...needs.values()];
}
