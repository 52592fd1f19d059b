import embedded from "../../models/profiles/embedded.json" with { type: "json" };
import legacy from "../../models/profiles/legacy.json" with { type: "json" };
import { type Profile, readProfile } from "./profile.ts";

/** The profiles that this program knows. */
const PROFILES = { embedded, legacy } as const;
export type ProfileName = keyof typeof PROFILES;
export const PROFILE_NAMES = Object.keys(PROFILES) as ProfileName[];

/** @throws Failure `rewards.bad-profile` */
export function namedProfile(name: ProfileName): Profile {
  return readProfile(PROFILES[name]);
}
