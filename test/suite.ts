import { availableParallelism } from "node:os";
import { runElsewhere } from "./elsewhere.ts";

/** Most tests that take long wait for a server, a chain or a process; two at once is what a small machine bears. */
const WORKERS = Math.max(2, Math.min(4, availableParallelism()));

// Workers are started by Bun itself, so the home folder of the tests has to be there before the first of them; without
// `--no-isolate` each file would load the modules of all others anew.
const options = ["--timeout", "60000", `--parallel=${WORKERS}`, "--no-isolate"];
process.exit(await runElsewhere(["test", ...options, ...process.argv.slice(2)]));
