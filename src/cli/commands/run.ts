import { log } from "../../base/log.ts";
import { SUPERVISOR_VARIABLE } from "../../base/parent.ts";
import { loadConfiguration } from "../../config/load.ts";
import { rowsOf } from "../../config/option.ts";
import { JOURNAL_OPTIONS, OPTIONS } from "../../config/options.ts";
import { AUTO_UPDATE_OPTIONS } from "../../config/update-options.ts";
import type { UpdateWatch } from "../../update/update-watch.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import type { SuperviseSettings } from "../update/supervise.ts";

/** What a supervising parent has to know; the validator itself reads the rest. */
const PARENT_OPTIONS = {
  ...AUTO_UPDATE_OPTIONS,
  ...JOURNAL_OPTIONS,
  ...rowsOf(OPTIONS, "mock", "run.forwards", "run.weights"),
};

/** Validates, in this process or in one that this process supervises; only what is needed for the one is loaded. */
export async function run(context: CommandContext): Promise<number> {
  const { environment } = context;
  if (environment[SUPERVISOR_VARIABLE] !== undefined) return await validateHere(context);
  const { settings, origins } = loadConfiguration(PARENT_OPTIONS, sourcesOf(context));
  const { autoUpdate = "notify" } = settings;
  const isAskedFor = origins.autoUpdate.kind !== "default";
  const isUnit = Boolean(environment.NOTIFY_SOCKET);
  if (autoUpdate === "off" || (isUnit && !isAskedFor)) return await validateHere(context);
  if (autoUpdate !== "notify") {
    if (isUnit) {
      // It waits for word from the process that it started itself.
      log.warn("systemd runs this validator, so releases are left to the timer of service install", {
        autoUpdate,
      });
      return await validateHere(context);
    }
    const { supervise } = await import("../update/supervise.ts");
    return await supervise(context, { ...settings, autoUpdate } satisfies SuperviseSettings);
  }
  const { noticeReleases } = await import("../update/notice-releases.ts");
  const { openUpdateWatch } = await import("../update/open-update-watch.ts");
  const end = new AbortController();
  const updates = openUpdateWatch();
  const noticing = noticeReleases(context, settings, {
    isAskedFor,
    signal: end.signal,
    // These looks change nothing, so no record tells of them.
    onLook: (look) => updates.note(look),
  });
  try {
    return await validateHere(context, updates);
  } finally {
    end.abort();
    await noticing;
  }
}

async function validateHere(context: CommandContext, updates?: UpdateWatch): Promise<number> {
  const { validate } = await import("../validate.ts");
  return await validate(context, updates);
}
