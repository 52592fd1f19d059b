import { BUILD, specVersion, VERSION } from "../../config/version.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";

export async function version({ flags, print }: CommandContext): Promise<number> {
  if (flags.json === "true") {
    print(`${JSON.stringify({ ...BUILD, specVersion: specVersion(), bun: Bun.version })}\n`);
  } else {
    print(`openvalidator ${VERSION}\n`);
    if (BUILD.withoutInference !== undefined) print(`without inference: ${BUILD.withoutInference}\n`);
  }
  return EXIT.ok;
}
