import type { Uid } from "../base/units.ts";
import { isSameRow } from "../chain/reveal.ts";
import type { SubmissionRecord } from "./state/content.ts";

/**
 * Whose the last update of the own weights on chain is.
 * none: of the registration · ours · unsettled: maybe ours, their fate is not known yet · before: older than this state · foreign:
 * somebody else sets weights with this hotkey.
 */
export type WhoseUpdate = "none" | "ours" | "unsettled" | "before" | "foreign";

type OwnRecord = Pick<SubmissionRecord, "block" | "state" | "path" | "uids" | "values">;

/**
 * @param submissions of this validator, oldest first
 * @param row own weights on chain of that update. Once commit-reveal is off, a reveal counts as an update of its own block,
 * which no submission has: it is ours when it shows what we committed. Unknown, such an update is taken for foreign.
 */
export function whoseUpdate(
  lastUpdate: number,
  registeredAt: number,
  submissions: readonly OwnRecord[],
  row?: readonly (readonly [Uid, number])[],
): WhoseUpdate {
  if (lastUpdate <= registeredAt) return "none";
  if (submissions.some(({ block, state }) => state === "included" && block === lastUpdate)) return "ours";
  const isOpen = submissions.some(
    ({ block, state }) => (state === "prepared" || state === "sent") && block < lastUpdate,
  );
  if (isOpen) return "unsettled";
  const commits = submissions.filter(
    ({ path, state, block }) => path === "timelocked" && state === "included" && block < lastUpdate,
  );
  if (row !== undefined && commits.some((commit) => isSameRow(row, commit))) return "ours";
  const first = submissions[0];
  return first === undefined || lastUpdate < first.block ? "before" : "foreign";
}

export const WHOSE_UPDATE: Readonly<Record<WhoseUpdate, string>> = {
  none: "nobody since this hotkey registered",
  ours: "this validator",
  unsettled: "this validator, as it seems: what became of its last weights is not settled yet",
  before: "this hotkey before this state was made",
  foreign: "SOMEBODY ELSE with this hotkey: only one validator may run with it",
};
