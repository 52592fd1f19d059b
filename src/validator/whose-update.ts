import type { SubmissionRecord } from "./state/content.ts";

/**
 * Whose the last update of the own weights on chain is.
 * none: of the registration · ours · unsettled: maybe ours, their fate is not known yet · before: older than this state · foreign:
 * somebody else sets weights with this hotkey.
 */
export type WhoseUpdate = "none" | "ours" | "unsettled" | "before" | "foreign";

/** @param submissions of this validator, oldest first */
export function whoseUpdate(
  lastUpdate: number,
  registeredAt: number,
  submissions: readonly Pick<SubmissionRecord, "block" | "state">[],
): WhoseUpdate {
  if (lastUpdate <= registeredAt) return "none";
  if (submissions.some(({ block, state }) => state === "included" && block === lastUpdate)) return "ours";
  const isOpen = submissions.some(
    ({ block, state }) => (state === "prepared" || state === "sent") && block < lastUpdate,
  );
  if (isOpen) return "unsettled";
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
