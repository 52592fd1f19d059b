import { isFailure } from "../../base/error.ts";
import { isCompiled } from "../../config/version.ts";
import { UpdateWatch } from "../../update/update-watch.ts";
import { findInstallation } from "../../update/whereabouts.ts";

/** Watches the record of the installation that this program belongs to, if it belongs to one. */
export function openUpdateWatch(): UpdateWatch {
  try {
    // Who may change it is of no interest to a reader, and a package has no record.
    const where = { executable: process.execPath, isCompiled, mayBeContainer: true };
    return new UpdateWatch(findInstallation({ ...where, packageOf: () => undefined }).recordFile);
  } catch (error) {
    if (!isFailure(error, "update.not-ours")) throw error;
    return new UpdateWatch(undefined);
  }
}
