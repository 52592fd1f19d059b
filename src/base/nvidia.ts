import { childEnvironment } from "./child-environment.ts";
import { messageOf } from "./error.ts";
import { log } from "./log.ts";

/**
 * Asks nvidia-smi for these fields.
 * @param signal ends the question: a driver that hangs never answers
 * @returns what it prints, a line with commas per GPU, numbers without units; undefined without such a program or an answer in time
 */
export async function askNvidia(fields: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  try {
    const child = Bun.spawn(
      ["nvidia-smi", `--query-gpu=${fields.join(",")}`, "--format=csv,noheader,nounits"],
      { env: childEnvironment(process.env), stdin: "ignore", stdout: "pipe", stderr: "ignore", signal },
    );
    const text = await new Response(child.stdout).text();
    return (await child.exited) === 0 ? text : undefined;
  } catch (error) {
    // Most machines have no such program.
    log.debug("There are no figures of NVIDIA GPUs", { reason: messageOf(error) });
    return undefined;
  }
}
