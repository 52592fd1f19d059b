import { StateDatabase } from "../../../src/validator/state/database.ts";
import { IDENTITY, stepOf } from "./steps.ts";

/** Commits step after step until it is killed, and says each one after it is on the disk. */
const [directory] = process.argv.slice(2);
const state = StateDatabase.open(directory!, IDENTITY);
for (let step = (state.load()?.steps ?? 0) + 1; ; step++) {
  state.commit(stepOf(step));
  process.stdout.write(`${step}\n`);
}
