import { expect, test } from "bun:test";
import { clauseOf, sentenceOf } from "../../src/cli/hint-form.ts";

test.each([
  [
    "Check --wallet.path, or make one with `openvalidator wallet create`.",
    "check --wallet.path, or make one with `openvalidator wallet create`",
  ],
  ["give a file; it is never overwritten", "give a file; it is never overwritten"],
  ["W&B shows yours", "W&B shows yours"],
  ["HOME must be set", "HOME must be set"],
  ["Stop it. Then begin again.", "stop it. Then begin again."],
  ["openvalidator models list shows all", "openvalidator models list shows all"],
  ["wait for more …", "wait for more …"],
])("%p stands as %p behind an arrow", (hint, clause) => {
  expect(clauseOf(hint)).toBe(clause);
});

test.each([
  ["give weights, or leave them out", "Give weights, or leave them out."],
  ["Stake more TAO on the hotkey.", "Stake more TAO on the hotkey."],
  ["openvalidator models pull lite", "openvalidator models pull lite"],
  ["--dtype fp32 brings it", "--dtype fp32 brings it"],
  [
    "restore it with `openvalidator wallet import FILE`",
    "Restore it with `openvalidator wallet import FILE`",
  ],
])("%p is %p in a report", (hint, sentence) => {
  expect(sentenceOf(hint)).toBe(sentence);
});
