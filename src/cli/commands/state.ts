import { counted } from "../../base/text.ts";
import { loadConfiguration } from "../../config/load.ts";
import { JOURNAL_OPTIONS } from "../../config/options.ts";
import { stateDirectory } from "../../config/paths.ts";
import { reportState, type StateReport } from "../../validator/state/report.ts";
import { backupState, resetState } from "../../validator/state/upkeep.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { outputFile } from "../output-file.ts";
import { renderTable } from "../table.ts";

/** Rows of the table of scores; `--json` has all of them. */
const SHOWN_SCORES = 10;

function directoryOf(context: CommandContext): string {
  return stateDirectory(loadConfiguration(JOURNAL_OPTIONS, sourcesOf(context)).settings);
}

/** Prints what the saved state holds. */
export async function showState(context: CommandContext): Promise<number> {
  const report = reportState(directoryOf(context));
  context.print(
    context.flags.json === "true" ? `${JSON.stringify(asJson(report), null, 2)}\n` : text(report),
  );
  return EXIT.ok;
}

/** Moves the state aside, so that the next run starts without one. */
export async function reset(context: CommandContext): Promise<number> {
  const moved = resetState(directoryOf(context), new Date());
  context.print(
    `The next run starts without a state: its scores begin with this validator's own weights on chain, or with\nzeros by --neuron.seed_scores_off. The state before is in\n  ${moved.join("\n  ")}\n`,
  );
  return EXIT.ok;
}

/** Copies the state to a file, also while a validator runs. */
export async function backup(context: CommandContext): Promise<number> {
  const target = outputFile(context.words![0]!);
  backupState(directoryOf(context), target);
  context.print(`${target}\n`);
  return EXIT.ok;
}

function asJson({ path, identity, saved, memories, submissions, reveals, bytes }: StateReport): unknown {
  const scores = saved?.scores.neurons.map(({ hotkey, registeredAt }, uid) => ({
    uid,
    hotkey,
    registered_at: registeredAt ?? null,
    score: saved.scores.scores[uid],
    asked: saved.scores.asked[uid],
  }));
  return {
    path,
    bytes,
    ...identity,
    created: saved?.created ?? null,
    steps: saved?.steps ?? 0,
    counted_steps: saved?.evidence.countedSteps ?? 0,
    blocks: saved?.evidence.blocks ?? 0,
    scores: scores ?? [],
    memories,
    submissions,
    reveals: reveals.map(({ revealRound, revealBlock, ...reveal }) => {
      return { ...reveal, reveal_round: revealRound, reveal_block: revealBlock };
    }),
  };
}

function text({ path, identity, saved, memories, submissions, reveals, bytes }: StateReport): string {
  const lines = [
    `File       ${path}`,
    `Size       ${(bytes / 1e6).toFixed(1)} MB`,
    `Genesis    ${identity.genesis}`,
    `Subnet     ${identity.netuid}`,
    `Hotkey     ${identity.hotkey}`,
  ];
  if (saved === undefined) return `${[...lines, "Steps      none yet"].join("\n")}\n`;
  const { countedSteps, blocks } = saved.evidence;
  lines.push(
    `Made       ${saved.created}`,
    `Steps      ${saved.steps}, of which ${countedSteps} counted, over ${blocks} blocks`,
  );
  for (const { part, table, rows, bytes: size } of memories)
    lines.push(`Memory     ${part} ${table}: ${counted(rows, "row")}, ${(size / 1e6).toFixed(1)} MB`);
  const last = submissions.at(-1);
  if (last)
    lines.push(
      `Weights    ${last.state}, ${counted(last.uids.length, "miner")}, block ${last.block}, ${last.path}`,
    );
  for (const { committed, revealBlock } of reveals)
    lines.push(`Reveal     pending: committed in block ${committed}, expected in block ${revealBlock}`);
  return `${lines.join("\n")}\n\n${scoreTable(saved.scores)}`;
}

function scoreTable({ neurons, scores, asked }: NonNullable<StateReport["saved"]>["scores"]): string {
  const rows = neurons
    .map(({ hotkey }, uid) => ({ uid, hotkey, score: scores[uid]!, asked: asked[uid]! }))
    .sort((a, b) => b.score - a.score || a.uid - b.uid)
    .slice(0, SHOWN_SCORES)
    .map(({ uid, hotkey, score, asked: times }) => [uid, hotkey, score.toFixed(6), times]);
  const more = neurons.length > rows.length ? `… and ${neurons.length - rows.length} more (--json)\n` : "";
  return `${renderTable(["uid", "hotkey", "score", "asked"], rows)}${more}`;
}
