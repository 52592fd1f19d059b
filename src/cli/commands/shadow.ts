import { type Agreement, shadowAgreement } from "../../analysis/agreement.ts";
import { loadConfiguration } from "../../config/load.ts";
import { JOURNAL_OPTIONS } from "../../config/options.ts";
import { readEvents } from "../../events/reader.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { journalFolder } from "../journal-folder.ts";
import { renderTable } from "../table.ts";

/** Shows how well the shadow scores of a journal agree with the rewards that count. */
export async function shadow(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(JOURNAL_OPTIONS, sourcesOf(context));
  const folder = journalFolder(context.words?.[0], settings);
  let unreadable = 0;
  const scorers = await shadowAgreement(readEvents(folder, { onUnreadable: () => void unreadable++ }));
  if (context.flags.json === "true") {
    context.print(`${JSON.stringify({ folder, unreadable, scorers }, null, 2)}\n`);
    return EXIT.ok;
  }
  if (unreadable > 0) context.print(`${unreadable} lines are no events that this program can read\n`);
  if (scorers.length === 0) {
    context.print(`No shadow scores in ${folder}: use a profile with shadow scorers, or --shadow.miners\n`);
    return EXIT.ok;
  }
  const rows = scorers.flatMap(({ name, all, byTask }) => [
    row(name, "all", all),
    ...Object.entries(byTask).map(([task, agreement]) => row("", task, agreement)),
  ]);
  const head = ["shadow scores", "task", "steps", "answers", "rank correlation with the reward", "same best"];
  context.print(renderTable(head, rows));
  return EXIT.ok;
}

function row(name: string, task: string, { steps, answers, rankCorrelation, sameBest }: Agreement): string[] {
  return [
    name,
    task,
    String(steps),
    String(answers),
    rankCorrelation === null ? "-" : rankCorrelation.toFixed(3),
    sameBest === null ? "-" : `${Math.round(100 * sameBest)} %`,
  ];
}
