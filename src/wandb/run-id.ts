/** Characters of an id, as W&B's clients make them. */
const ID_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** 8 characters, as W&B's own clients make them. */
export function newRunId(): string {
  const bytes = crypto.getRandomValues(new Uint32Array(8));
  return [...bytes].map((value) => ID_CHARACTERS[value % ID_CHARACTERS.length]).join("");
}
