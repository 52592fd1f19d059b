import type { Wanted } from "../views/lines.ts";
import type { Ask } from "./ask.ts";

/** A step with everything that its answers earned by; lists run in step with `uids`. */
export interface ToldStep {
  run: string;
  profile: string | null;
  /** By flag, as the run told them; null where it did not. */
  settings: Record<string, { value?: unknown }> | null;
  time: string;
  block: number;
  step: number | null;
  name: string;
  prompt: string;
  counted: boolean;
  cause: string | null;
  uids: number[];
  hotkeys: string[];
  completions: string[];
  completion_times: number[];
  completion_status_codes: number[];
  completion_status_messages: string[];
  rewards: number[];
  columns: Record<string, (number | null)[]>;
}

/** Of each text; what is shown is shorter. */
const TEXT_CHARACTERS = 2000;

/**
 * The newest steps that asked a miner, or those of a number, newest first. The number is counted since a state was made, so
 * two validators may have one each.
 */
export async function toldSteps(ask: Ask, wanted: Wanted, limit: number): Promise<ToldStep[]> {
  const condition = "uid" in wanted ? `list_contains(uids, ${wanted.uid})` : `step = ${wanted.step}`;
  // Which they are is told by few columns; what they hold is read of them alone.
  const found =
    await ask.rows(`SELECT hash(run, sequence)::VARCHAR AS id, sequence::VARCHAR AS sequence FROM steps
    WHERE ${condition} ORDER BY time DESC, run, sequence DESC LIMIT ${limit}`);
  if (found.length === 0) return [];
  const among = (column: string): string => found.map((row) => row[column] ?? "NULL").join(", ");
  const rows = await ask.rows(`SELECT to_json({
      'run': run, 'profile': profile, 'settings': settings, 'time': strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ'), 'block': block, 'step': step,
      'name': name, 'prompt': left(prompt, ${TEXT_CHARACTERS}), 'counted': counted, 'cause': cause, 'uids': uids, 'hotkeys': hotkeys,
      'completions': list_transform(completions, lambda text: left(text, ${TEXT_CHARACTERS})), 'completion_times': completion_times_s,
      'completion_status_codes': status_codes, 'completion_status_messages': list_transform(status_messages, lambda text: left(text, ${TEXT_CHARACTERS})),
      'rewards': rewards,
      'columns': map_from_entries(list_transform(map_entries(columns),
        lambda entry: {'key': entry.key, 'value': list_transform(entry.value, lambda n: CASE WHEN isfinite(n) THEN n END)}))
    })::VARCHAR AS told
    FROM (SELECT * FROM steps WHERE (sequence IS NULL OR sequence IN (${among("sequence")})) AND hash(run, sequence) IN (${among("id")})
        ORDER BY time DESC, run, sequence DESC LIMIT ${limit})
      LEFT JOIN (SELECT run, any_value(profile) AS profile, any_value(settings) AS settings FROM runs GROUP BY run) USING (run)
    ORDER BY time DESC, run, sequence DESC`);
  return rows.map(({ told }) => JSON.parse(String(told)) as ToldStep);
}
