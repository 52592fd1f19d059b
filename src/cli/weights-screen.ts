import { counted } from "../base/text.ts";
import { describeMechanism } from "../validator/own-mechanisms.ts";
import type { MechanismReport, WeightsReport } from "../validator/weights-report.ts";
import { WHOSE_UPDATE } from "../validator/whose-update.ts";
import { labelled } from "./fit.ts";
import { fittedTable, noRoomText } from "./table.ts";

/** Rows on a screen; `--json` has all. */
const SHOWN_ROWS = 30;
const SHOWN_WINDOWS = 8;

/** Weights on one screen. @param width characters of a line; undefined = any */
export function weightsScreen(report: WeightsReport, width: number | undefined): string {
  const { hotkey, uid, netuid, block, nextEpochBlock, opensAt, coverage, mechanisms } = report;
  const rows: [string, string][] = [
    ["Hotkey", `${hotkey}, uid ${uid} of subnet ${netuid}, block ${block}`],
    ...(nextEpochBlock === undefined
      ? []
      : [["Epoch", epochText(nextEpochBlock, opensAt, block)] satisfies [string, string]]),
    ["Turns", coverage.text],
  ];
  const parts = mechanisms.map((mechanism) => mechanismText(mechanism, block, width));
  return `${labelled(rows, width, LABEL)}${parts.join("\n")}`;
}

const LABEL = "Mechanism".length;

function epochText(next: number, opensAt: number | undefined, block: number): string {
  if (opensAt === undefined) return `the next in block ${next}`;
  const since = block < opensAt ? "from" : "since";
  return `the next in block ${next}; weights are set ${next - opensAt} blocks before, ${since} block ${opensAt} on`;
}

function mechanismText(report: MechanismReport, block: number, width: number | undefined): string {
  const { rows, proposal } = report;
  const onChain = rows.filter((row) => row.onChain > 0).length;
  const name = describeMechanism(report);
  const facts: [string, string][] = name === undefined ? [] : [["Mechanism", name.replace("mechanism ", "")]];
  facts.push([
    "On chain",
    `${counted(onChain, "weight")}; last update in block ${report.lastUpdate} by ${WHOSE_UPDATE[report.setBy]}`,
  ]);
  for (const reveal of report.reveals) facts.push(["Reveal", revealText(reveal, block)]);
  if ("reason" in proposal) facts.push(["Now", `none would be set: ${proposal.reason}`]);
  else {
    const { uids, lines } = proposal;
    facts.push([
      "Now",
      `${counted(uids.length, "weight")} would be set; ${percent(report.moved)} of all weight would change hands`,
    ]);
    const rules = lines.length > 0 ? lines : ["none: weights are in proportion to the scores"];
    for (const [index, rule] of rules.entries()) facts.push([index === 0 ? "Rules" : "", rule]);
  }
  return `${labelled(facts, width, LABEL)}${rowsText(rows, width)}${windowsText(report.windows, width)}`;
}

/** The run follows a commit; between two runs nobody does, and the chain has gone on. */
function revealText(
  { committed, revealBlock, isOnChain }: MechanismReport["reveals"][number],
  block: number,
): string {
  const commit = `committed in block ${committed}, expected in block ${revealBlock}`;
  if (isOnChain) return `${commit}: these are the weights on chain; the next run settles it`;
  return block <= revealBlock
    ? `pending: ${commit}`
    : `not settled yet: ${commit}, and these are not the weights on chain; a run looks for it`;
}

function rowsText(rows: MechanismReport["rows"], width: number | undefined): string {
  if (rows.length === 0) return "";
  const shown = rows.slice(0, SHOWN_ROWS);
  const { text, gone } = fittedTable(
    ["uid", "hotkey", "on chain", "now", "difference"],
    shown.map(({ uid, hotkey, onChain, now }) => [
      uid,
      hotkey,
      percent(onChain),
      percent(now),
      signed(now - onChain),
    ]),
    { width, spare: () => 0, right: new Set([2, 3, 4]) },
  );
  const more = rows.length > shown.length ? `… and ${rows.length - shown.length} more (--json)\n` : "";
  return `\n${text}${noRoomText(gone, "--json has all", width)}${more}`;
}

function windowsText(windows: MechanismReport["windows"], width: number | undefined): string {
  if (windows.length === 0) return "\nThis validator has sent no weights yet.\n";
  const rows = windows
    .slice(-SHOWN_WINDOWS)
    .reverse()
    .map(({ block, path, state, uids, error }) => [
      block,
      path === "plain" ? "in the open" : "committed",
      state === "sent" || state === "prepared" ? "unknown" : state,
      uids.length,
      error ?? "",
    ]);
  const titles = ["window", "path", "outcome", "weights"];
  const hasWhy = rows.some((row) => row[4] !== "");
  const { text } = fittedTable(
    hasWhy ? [...titles, "why"] : titles,
    hasWhy ? rows : rows.map((row) => row.slice(0, 4)),
    { width, spare: () => 0, right: new Set([0, 3]) },
  );
  return `\n${text}`;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

function signed(share: number): string {
  const text = percent(Math.abs(share));
  if (text === percent(0)) return text;
  return `${share > 0 ? "+" : "-"}${text}`;
}
