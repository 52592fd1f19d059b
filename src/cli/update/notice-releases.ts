import { log } from "../../base/log.ts";
import type { ValuesOf } from "../../config/option.ts";
import type { AUTO_UPDATE_OPTIONS } from "../../config/update-options.ts";
import { BUILD, isCompiled } from "../../config/version.ts";
import { type Notices, watchReleases } from "../../update/notices.ts";
import { CONFIG_FLAG, type CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { SELF_UPDATE_OPTIONS, updaterEnvironment, writtenFlags } from "./updater-command.ts";

/**
 * Says of new releases that they are there, until the signal; changes nothing.
 * @param isAskedFor whether a person wants that; what cannot be is told only then
 */
export async function noticeReleases(
  { environment, flags }: Pick<CommandContext, "environment" | "flags">,
  { mock, updateInterval }: Pick<ValuesOf<typeof AUTO_UPDATE_OPTIONS>, "updateInterval"> & { mock: boolean },
  { isAskedFor, onLook, signal }: Pick<Notices, "isAskedFor" | "onLook" | "signal">,
): Promise<void> {
  if (!isCompiled || BUILD.update === undefined) {
    if (isAskedFor)
      log.warn(
        "No release is looked for: this program was built without the keys that releases are signed with",
      );
    return;
  }
  if (mock) return;
  const known = Object.entries(flags).filter(
    ([flag]) => flag === CONFIG_FLAG || Object.hasOwn(SELF_UPDATE_OPTIONS, flag),
  );
  await watchReleases({
    command: [
      process.execPath,
      "self-update",
      ...writtenFlags({ ...Object.fromEntries(known), check: "true", json: "true" }),
    ],
    environment: updaterEnvironment(environment),
    intervalMs: updateInterval * 60_000,
    place: Math.random(),
    isInVain: (code) => code === EXIT.configuration,
    isAskedFor,
    onLook,
    signal,
  });
}
