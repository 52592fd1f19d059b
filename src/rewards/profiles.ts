import { readFileSync } from "node:fs";
import embedded from "../../models/profiles/embedded.json" with { type: "json" };
import legacy from "../../models/profiles/legacy.json" with { type: "json" };
import lite from "../../models/profiles/lite.json" with { type: "json" };
import standard from "../../models/profiles/standard.json" with { type: "json" };
import { Failure, reasonOf } from "../base/error.ts";
import { parseJsonc } from "../config/jsonc.ts";
import type { ConfigCode } from "../config/kinds.ts";
import { expandPath } from "../config/paths.ts";
import { type Profile, readProfile } from "./profile.ts";

/** The profiles that this program knows. */
const PROFILES: Readonly<Record<string, unknown>> = { embedded, lite, standard, legacy };
export const PROFILE_NAMES: readonly string[] = Object.keys(PROFILES);

/**
 * A profile of this program by its name, or one of the operator's own by the path of its JSON file.
 * @throws Failure `config.bad-value` where there is none, `rewards.bad-profile`
 */
export function chosenProfile(nameOrPath: string): Profile {
  if (Object.hasOwn(PROFILES, nameOrPath))
    return readProfile(PROFILES[nameOrPath], `the profile ${nameOrPath}`);
  let content: unknown;
  try {
    content = parseJsonc(readFileSync(expandPath(nameOrPath), "utf8"));
  } catch (cause) {
    throw new Failure<ConfigCode>("config.bad-value", {
      message: `--models.profile ${nameOrPath} is no profile of this program, and no JSON file that can be read: ${reasonOf(cause)}`,
      hint: `give one of ${PROFILE_NAMES.join(", ")}, or a file like models/profiles/embedded.json`,
      cause,
    });
  }
  return readProfile(content, nameOrPath);
}
