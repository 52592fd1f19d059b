import { keepInLogFile } from "./base/log.ts";
import { runCli } from "./cli/cli.ts";
import { describeError } from "./cli/error-text.ts";
import { EXIT, exitCodeOf } from "./cli/exit-codes.ts";
import { Output } from "./cli/output.ts";
import { STOP_TIMEOUT_MS } from "./validator/stop-times.ts";

/** The only place that reads argv, catches signals and ends the process. */
const stop = new AbortController();

/** Set by a shell for "ended by signal 2", which a second Ctrl-C means. */
const EXIT_INTERRUPTED = 130;

/** Room for the process to end within the time that is promised. */
const EXIT_MARGIN_MS = 1_000;

function onSignal(): void {
  if (stop.signal.aborted) process.exit(EXIT_INTERRUPTED);
  // First: a progress bar ends its line then.
  stop.abort();
  process.stderr.write("stopping; press Ctrl-C again to stop at once\n");
  // What is left behind then was given its time before; the state is on the disk since the last step.
  setTimeout(() => process.exit(EXIT.ok), STOP_TIMEOUT_MS - EXIT_MARGIN_MS).unref();
}
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);

// A closed standard error takes away the words, not the work.
process.stderr.on("error", () => {});

// Bun would print a frame of minified source for these; an operator needs the sentence.
function onFault(error: unknown): void {
  const text = describeError(error);
  process.stderr.write(text);
  keepInLogFile("error", text.trim().replaceAll(/\s*\n\s*/g, " "));
  process.exit(EXIT.internal);
}
process.on("uncaughtException", onFault);
process.on("unhandledRejection", onFault);

const output = new Output(process.stdout, () => stop.abort());

let exitCode = await runCli(process.argv.slice(2), {
  environment: process.env,
  signal: stop.signal,
  stdout: (text) => output.write(text),
  stderr: (text) => process.stderr.write(text),
});
try {
  await output.end();
} catch (error) {
  process.stderr.write(describeError(error));
  if (exitCode === EXIT.ok) exitCode = exitCodeOf(error);
}
process.exit(exitCode);
