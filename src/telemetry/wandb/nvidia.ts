import { childEnvironment } from "../../base/child-environment.ts";
import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";

const TIMEOUT_MS = 5_000;

/**
 * Asks nvidia-smi for these fields.
 * @returns what it prints, a line with commas per GPU, numbers without units; undefined without such a program or an answer in time
 */
export async function askNvidia(fields: readonly string[]): Promise<string | undefined> {
  try {
    const child = Bun.spawn(
      ["nvidia-smi", `--query-gpu=${fields.join(",")}`, "--format=csv,noheader,nounits"],
      {
        env: childEnvironment(process.env),
        stdout: "pipe",
        stderr: "ignore",
        stdin: "ignore",
        timeout: TIMEOUT_MS,
      },
    );
    const text = await new Response(child.stdout).text();
    return (await child.exited) === 0 ? text : undefined;
  } catch (error) {
    // Most machines have no such program.
    log.debug("There are no figures of NVIDIA GPUs", { reason: messageOf(error) });
    return undefined;
  }
}
