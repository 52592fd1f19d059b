import { join } from "node:path";
import { isFailure } from "../../base/error.ts";
import { lockFile } from "../../base/lock.ts";
import { log } from "../../base/log.ts";
import { counted, jsonText, printable } from "../../base/text.ts";
import { loadConfiguration } from "../../config/load.ts";
import { WANDB_SYNC_OPTIONS } from "../../config/options.ts";
import { downloadDirectory, expandPath, LOCK_FILE, stateDirectory } from "../../config/paths.ts";
import { VERSION } from "../../config/version.ts";
import { WANDB_DOWNLOAD_OPTIONS } from "../../config/wandb-options.ts";
import { exportRuns } from "../../telemetry/wandb/export.ts";
import { checkKey, syncSpools } from "../../telemetry/wandb/sync.ts";
import { askPassword } from "../../wallet/unlock.ts";
import { type Collected, collectRuns } from "../../wandb/collect.ts";
import { wandbFailure } from "../../wandb/failure.ts";
import { findKey, netrcPath, saveKey, wandbUrl } from "../../wandb/key.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { refuseIdleFlags } from "../idle-flags.ts";
import { ownTerminal } from "../open-signer.ts";
import { showCount } from "../progress.ts";

/** Asks for a key, or reads it from standard input, checks it, and keeps it. */
export async function login(context: CommandContext): Promise<number> {
  const { environment, signal } = context;
  const url = wandbUrl(environment);
  const path = netrcPath(environment);
  if (path === undefined)
    throw wandbFailure("wandb.no-home", {
      message: "this user has no home folder for a .netrc",
      hint: "set HOME or NETRC, or give the key as WANDB_API_KEY",
    });
  const terminal = ownTerminal();
  const key = (
    terminal === undefined
      ? await Bun.stdin.text()
      : new TextDecoder().decode(
          await askPassword("W&B key (https://wandb.ai/authorize shows it): ", terminal, signal),
        )
  ).trim();
  if (!/^[\x21-\x7e]{1,512}$/.test(key))
    throw wandbFailure("wandb.no-key", {
      message: "no W&B key was given, or one with blanks in it",
      hint: "paste the one that https://wandb.ai/authorize shows, or give a file: openvalidator wandb login < FILE",
    });
  const entity = await checkKey(url, key, signal);
  saveKey(path, url, key);
  context.print(`The key belongs to ${entity} and is in ${path} now.\n`);
  return EXIT.ok;
}

/** Sends what waits on disk; a running validator that has a key does so by itself. */
export async function sync(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(WANDB_SYNC_OPTIONS, sourcesOf(context));
  const directory = stateDirectory(settings);
  const unlock = lockIfAlone(join(directory, LOCK_FILE));
  try {
    const runs = await syncSpools({
      directory,
      environment: context.environment,
      weightsStepLength: settings.wandbWeightsStepLength,
      isAlone: unlock !== undefined,
      signal: context.signal,
      onRun: ({ id, rows, state, page }) =>
        context.print(
          state === "done"
            ? `${id}  ${counted(rows, "row")}  ${page}\n`
            : `${id}  ${counted(rows, "row")}  not whole: ${state}\n`,
        ),
    });
    if (runs.length === 0) context.print("Nothing waits.\n");
    return runs.every(({ state }) => state === "done") ? EXIT.ok : EXIT.tryLater;
  } finally {
    unlock?.();
  }
}

/** Writes what W&B has not as files that its own client sends and shows. */
export async function exportFiles(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(WANDB_SYNC_OPTIONS, sourcesOf(context));
  const directory = stateDirectory(settings);
  const unlock = lockIfAlone(join(directory, LOCK_FILE));
  try {
    const runs = await exportRuns({
      directory,
      to: expandPath(context.words![0]!),
      weightsStepLength: settings.wandbWeightsStepLength,
      isAlone: unlock !== undefined,
      isAll: context.flags.all === "true",
      signal: context.signal,
      onRun: ({ id, state, rows, path }) =>
        context.print(
          {
            exported: `${id}  ${counted(rows, "row")}  ${path}\n`,
            there: `${id}  is there already: ${path}\n`,
            open: `${id}  its validator still writes to it; export it when the run is over\n`,
            gone: `${id}  its rows are no longer here: W&B has them, and the journal no longer has all of its events\n`,
          }[state],
        ),
    });
    if (runs.length === 0)
      context.print(
        context.flags.all === "true"
          ? `There are no W&B runs in ${directory}.\n`
          : "Nothing waits; --all exports what W&B has as well.\n",
      );
    return EXIT.ok;
  } finally {
    unlock?.();
  }
}

/** undefined while a validator works with this folder. */
function lockIfAlone(path: string): (() => void) | undefined {
  try {
    return lockFile(path);
  } catch (error) {
    if (isFailure(error, "state.locked")) return undefined;
    throw error;
  }
}

/** Gets runs for analysis; what an earlier download has is not fetched again. */
export async function download(context: CommandContext): Promise<number> {
  const { environment, signal, flags } = context;
  const { settings } = loadConfiguration(WANDB_DOWNLOAD_OPTIONS, sourcesOf(context));
  const { entity, project, run: runs, tags, state: states, since, filters } = settings;
  refuseIdleFlags(context, [
    ["all", tags.length > 0, "beside --tags: it lifts the choice of a version, and the tags choose"],
  ]);
  const isOpen = [runs, tags, states].every(({ length }) => length === 0) && !since && !filters;
  const url = wandbUrl(environment);
  const display = showCount(process.stderr, environment);
  try {
    const collected = await collectRuns({
      url,
      key: findKey(environment, url)?.key,
      entity,
      project,
      wishes: { runs, tags: isOpen && !settings.all ? [VERSION] : tags, states, since, filters },
      directory: downloadDirectory(environment),
      signal,
      onProgress: ({ done, runs, rows }) =>
        display.show(`${done} of ${counted(runs, "run")}, ${counted(rows, "row")}`, done / runs),
      onTrouble: (cause) => {
        display.end();
        log.warn("The W&B server cannot be reached now; trying again", { error: cause });
      },
    });
    display.end();
    if (flags.json === "true") context.print(`${jsonText(collected, 2)}\n`);
    else {
      context.print(textOf(collected));
      if (isOpen && !settings.all)
        context.print(
          `Only runs of version ${VERSION} were looked for: --tags 1.2.0 or --all gets others.\n`,
        );
    }
    const isWhole = collected.missing === 0 && collected.runs.every(({ outcome }) => outcome !== "failed");
    return isWhole ? EXIT.ok : EXIT.tryLater;
  } finally {
    display.end();
  }
}

function textOf({ folder, runs, missing }: Collected): string {
  const sum = (key: "rows" | "newRows" | "unreadable"): number =>
    runs.reduce((all, run) => all + run[key], 0);
  const lines = runs.flatMap(({ id, outcome, cause }) =>
    outcome === "failed" ? [`${printable(id)} is not whole: ${printable(cause ?? "")}`] : [],
  );
  if (missing > 0)
    lines.push(
      `${counted(missing, "more run is", "more runs are")} counted by the server, and it does not list them.`,
    );
  if (sum("unreadable") > 0)
    lines.push(
      `${counted(sum("unreadable"), "row is not readable and was", "rows are not readable and were")} left out.`,
    );
  lines.push(
    `${counted(runs.length, "run")} with ${counted(sum("rows"), "row")}, ${sum("newRows")} of them new, in ${folder}`,
  );
  return `${lines.join("\n")}\n`;
}
