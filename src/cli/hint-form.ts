/** A next step as it stands behind an arrow: a clause, however its room wrote it. */
export function clauseOf(hint: string): string {
  const begun = /^[A-Z](?=[a-z]* )/.test(hint) ? hint.charAt(0).toLowerCase() + hint.slice(1) : hint;
  return /[.] /.test(begun) ? begun : begun.replace(/(?<=[^.…])\.$/, "");
}

/** The same as a sentence of a report; a command at its beginning stays one. */
export function sentenceOf(hint: string): string {
  if (/^(?:openvalidator|`|--|https?:)/.test(hint)) return hint;
  const begun = hint.charAt(0).toUpperCase() + hint.slice(1);
  return /[.!?…)`]$/.test(begun) ? begun : `${begun}.`;
}
