import { log } from "../../base/log.ts";
import type { ValuesOf } from "../../config/option.ts";
import type { AUTO_UPDATE_OPTIONS } from "../../config/update-options.ts";
import { BUILD, isCompiled } from "../../config/version.ts";
import { NO_KEYS } from "../../update/failure.ts";
import { type Notices, watchReleases } from "../../update/notices.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flagsFor, SELF_UPDATE_OPTIONS, updaterEnvironment, writtenFlags } from "./updater-command.ts";

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
    if (isAskedFor) log.warn(`No release is looked for: ${NO_KEYS}`);
    return;
  }
  if (mock) return;
  await watchReleases({
    command: [
      process.execPath,
      "self-update",
      ...writtenFlags({ ...flagsFor(SELF_UPDATE_OPTIONS, flags), check: "true", json: "true" }),
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
