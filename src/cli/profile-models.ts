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
  const roles = rolesOf(chosenProfile(nameOrPath), {});
  return eachOnce(roles.map(({ model, role, dtypes }) => ({ id: model, roles: [role], dtypes })));
}

/** Every model once, where it comes first, with all of its roles and the forms that somebody asks for. */
export function eachOnce(needs: readonly ProfileNeed[]): ProfileNeed[] {
  const byId = new Map<string, ProfileNeed>();
  for (const { id, roles, dtypes } of needs) {
    const known = byId.get(id);
    byId.set(id, {
      id,
      roles: [...new Set([...(known?.roles ?? []), ...roles])],
      dtypes: known?.dtypes ?? dtypes,
    });
  }
  return [...byId.values()];
}
