import type { Identity } from "../../src/base/vocabulary.ts";
import type { SavedState } from "../../src/validator/state/content.ts";
import { StateDatabase } from "../../src/validator/state/database.ts";

/** What a validator that has ended left in its state folder. */
export function savedState(directory: string, identity: Identity): SavedState {
  const database = StateDatabase.open(directory, identity);
  try {
    const saved = database.load();
    if (saved === undefined) throw new Error(`nothing was saved in ${directory}`);
    return saved;
  } finally {
    database.close();
  }
}
