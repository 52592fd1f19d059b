import { keepInLogFile } from "./base/log.ts";
import { watchSupervisor } from "./base/parent.ts";
import { runCli } from "./cli/cli.ts";
import { describeError } from "./cli/error-text.ts";
import { EXIT, exitCodeOf } from "./cli/exit-codes.ts";
import { screenWidth } from "./cli/fit.ts";
import { Output } from "./cli/output.ts";
import { STOP_TIMEOUT_MS } from "./validator/stop-times.ts";

/** The only place that reads argv, catches signals and ends the process. */
const stop = new AbortController();

/** Set by a shell for "ended by signal 2", which a second Ctrl-C means. */
const EXIT_INTERRUPTED = 130;

/** Room for the process to end within the time that is promised. */
const EXIT_MARGIN_MS = 1_000;

/**
 * A terminal, and pm2, signal the parent and the supervised child, and the parent passes it on as well: what comes so soon
 * after the first is no second wish.
 */
const SAME_WISH_MS = 1_000;
let stoppedMs = 0;

/** Who has the signals in place of this process. */
let taker: ((name: NodeJS.Signals) => void) | undefined;

function onSignal(name: NodeJS.Signals): void {
  if (taker !== undefined) {
    taker(name);
    return;
  }
  if (stop.signal.aborted) {
    if (isSupervised && performance.now() - stoppedMs < SAME_WISH_MS) return;
    process.exit(EXIT_INTERRUPTED);
  }
  stoppedMs = performance.now();
  // First: a progress bar ends its line then.
  stop.abort();
  process.stderr.write("stopping; press Ctrl-C again to stop at once\n");
  // What is left behind then was given its time before; the state is on the disk since the last step.
  setTimeout(() => process.exit(EXIT.ok), STOP_TIMEOUT_MS - EXIT_MARGIN_MS).unref();
}
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);
// An orphan would hold the state against the validator of the next parent.
const isSupervised = watchSupervisor(process.env, () => {
  if (!stop.signal.aborted) onSignal("SIGTERM");
});

function takeSignals(next: (name: NodeJS.Signals) => void): void {
  taker = next;
  // Those end a process that does not ask for them.
  process.on("SIGHUP", onSignal);
  process.on("SIGQUIT", onSignal);
}

// A closed standard error takes away the words, not the work.
process.stderr.on("error", () => {});

// Bun would print a frame of minified source for these; an operator needs the sentence.
function onFault(error: unknown): void {
  const text = describeError(error, screenWidth(process.env, process.stderr));
  process.stderr.write(text);
  keepInLogFile("error", text.trim().replaceAll(/\s*\n\s*/g, " "));
  process.exit(EXIT.internal);
}
process.on("uncaughtException", onFault);
process.on("unhandledRejection", onFault);

const output = new Output(process.stdout, (reason) => stop.abort(reason));

let exitCode = await runCli(process.argv.slice(2), {
  environment: process.env,
  signal: stop.signal,
  takeSignals,
  isTerminal: process.stdout.isTTY === true,
  stdout: (text) => output.write(text),
  stderr: (text) => process.stderr.write(text),
});
try {
  await output.end();
} catch (error) {
  process.stderr.write(describeError(error, screenWidth(process.env, process.stderr)));
  if (exitCode === EXIT.ok) exitCode = exitCodeOf(error);
}
process.exit(exitCode);
