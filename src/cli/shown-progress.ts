import type { CommandContext } from "./command.ts";
import { type ProgressDisplay, showProgress } from "./progress.ts";

/** Shows on stderr what grows while something works, and ends the line however it ends. */
export async function withProgress<T>(
  context: CommandContext,
  work: (onProgress: ProgressDisplay["onProgress"]) => Promise<T>,
): Promise<T> {
  const progress = showProgress(process.stderr);
  context.signal.addEventListener("abort", progress.end, { once: true });
  try {
    return await work(progress.onProgress);
  } finally {
    context.signal.removeEventListener("abort", progress.end);
    progress.end();
  }
}
