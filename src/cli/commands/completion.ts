import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import type { Command, CommandContext } from "../command.ts";
import { completionScript, SHELLS } from "../completion.ts";
import { EXIT } from "../exit-codes.ts";

/**
 * Prints what a shell reads to complete commands and flags.
 * @param commands all there are
 */
export async function completion(
  { words, print }: CommandContext,
  commands: readonly Command[],
): Promise<number> {
  const shell = SHELLS.find((known) => known === words![0]);
  if (shell === undefined)
    throw new Failure<ConfigCode>("config.bad-value", {
      message: `there is no completion for "${words![0]}"`,
      hint: `openvalidator completion ${SHELLS.join("|")}`,
    });
  print(completionScript(shell, commands));
  return EXIT.ok;
}
