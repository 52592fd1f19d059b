import { ChainConnection } from "../../chain/connection.ts";
import { resolveNetwork } from "../../chain/networks.ts";
import { loadConfiguration } from "../../config/load.ts";
import { OPTIONS } from "../../config/options.ts";
import { stateDirectory } from "../../config/paths.ts";
import { describeMechanism } from "../../validator/own-mechanisms.ts";
import { paceSettings } from "../../validator/settings.ts";
import { reportState } from "../../validator/state/report.ts";
import { policyOf } from "../../validator/weighing.ts";
import { type MechanismReport, reportWeights, type WeightsReport } from "../../validator/weights-report.ts";
import { WHOSE_UPDATE } from "../../validator/whose-update.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { renderTable } from "../table.ts";

/** Rows on a screen; `--json` has all. */
const SHOWN_ROWS = 30;
const SHOWN_WINDOWS = 8;

/** Shows weights as the chain has them and as they would be set now. */
export async function showWeights(context: CommandContext): Promise<number> {
  const { settings, origins } = loadConfiguration(OPTIONS, sourcesOf(context));
  // Looked at first: without a state there is nothing to compare, whatever the chain says.
  const state = reportState(stateDirectory(settings));
  const connection = await ChainConnection.connect({
    ...resolveNetwork({
      chainEndpoint: settings.subtensorChainEndpoint,
      network: settings.subtensorNetwork,
      // As run does: an endpoint of the environment gives way to a network on the command line.
      networkWins: origins.subtensorNetwork.kind === "flag" && origins.subtensorChainEndpoint.kind !== "flag",
    }),
    signal: context.signal,
  });
  try {
    const report = await reportWeights(connection, state, {
      policy: policyOf(settings),
      settings: paceSettings(settings),
      mecids: settings.neuronMecid,
    });
    context.print(
      context.flags.json === "true" ? `${JSON.stringify(asJson(report), null, 2)}\n` : text(report),
    );
    return EXIT.ok;
  } finally {
    await connection.close();
  }
}

function asJson({ nextEpochBlock, mechanisms, ...facts }: WeightsReport): unknown {
  return { ...facts, next_epoch_block: nextEpochBlock ?? null, mechanisms: mechanisms.map(mechanismAsJson) };
}

function mechanismAsJson({ rows, proposal, windows, reveals, ...facts }: MechanismReport): unknown {
  return {
    mecid: facts.mecid,
    share: facts.share,
    last_update: facts.lastUpdate,
    set_by: facts.setBy,
    moved: facts.moved,
    rules: "lines" in proposal ? proposal.lines : [],
    reason: "reason" in proposal ? proposal.reason : null,
    weights: rows.map(({ onChain, ...row }) => ({
      ...row,
      on_chain: onChain,
      difference: row.now - onChain,
    })),
    windows,
    reveals: reveals.map(({ revealRound, revealBlock, ...reveal }) => {
      return { ...reveal, reveal_round: revealRound, reveal_block: revealBlock };
    }),
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const signed = (share: number): string => `${share > 0 ? "+" : ""}${percent(share)}`;

function text(report: WeightsReport): string {
  const { hotkey, uid, netuid, block, nextEpochBlock, coverage, mechanisms } = report;
  const lines = [`Hotkey     ${hotkey}, uid ${uid} of subnet ${netuid}, block ${block}`];
  if (nextEpochBlock !== undefined) lines.push(`Epoch      the next in block ${nextEpochBlock}`);
  lines.push(`Turns      ${coverage.text}`);
  return `${lines.join("\n")}\n${mechanisms.map(mechanismText).join("\n")}`;
}

function mechanismText(report: MechanismReport): string {
  const { rows, proposal, windows, reveals } = report;
  const onChain = rows.filter((row) => row.onChain > 0).length;
  const name = describeMechanism(report);
  const lines = name === undefined ? [] : [`Mechanism  ${name.replace("mechanism ", "")}`];
  lines.push(
    `On chain   ${onChain} weights; last update in block ${report.lastUpdate} by ${WHOSE_UPDATE[report.setBy]}`,
  );
  for (const { committed, revealBlock } of reveals)
    lines.push(`Reveal     pending: committed in block ${committed}, expected in block ${revealBlock}`);
  if ("reason" in proposal) lines.push(`Now        none would be set: ${proposal.reason}`);
  else {
    lines.push(
      `Now        ${proposal.uids.length} weights would be set; ${percent(report.moved)} of all weight would change hands`,
    );
    const rules =
      proposal.lines.length > 0 ? proposal.lines : ["none: weights are in proportion to the scores"];
    for (const [index, rule] of rules.entries())
      lines.push(`${index === 0 ? "Rules     " : "          "} ${rule}`);
  }
  const shown = rows.slice(0, SHOWN_ROWS);
  const table = renderTable(
    ["uid", "hotkey", "on chain", "now", "difference"],
    shown.map(({ uid, hotkey, onChain: chain, now }) => [
      uid,
      hotkey,
      percent(chain),
      percent(now),
      signed(now - chain),
    ]),
    new Set([2, 3, 4]),
  );
  const more = rows.length > shown.length ? `… and ${rows.length - shown.length} more (--json)\n` : "";
  return `${lines.join("\n")}\n${rows.length > 0 ? `\n${table}${more}` : ""}${windowsText(windows)}`;
}

function windowsText(windows: MechanismReport["windows"]): string {
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
  return `\n${renderTable(["window", "path", "outcome", "weights", "why"], rows)}`;
}
