import { forbidCoreDumps } from "../../base/core-dumps.ts";
import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { deriveHere } from "../../wallet/derivation.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";

/** The hidden command that a process starts to open its hotkey: password in, key out, both through pipes. */
export async function keyDerivation({ print }: CommandContext): Promise<number> {
  if (process.stdin.isTTY) {
    throw new Failure<ConfigCode>("config.stray-word", {
      message: "key-derivation is started by openvalidator itself, not by hand",
      hint: "openvalidator --help lists the commands",
    });
  }
  forbidCoreDumps();
  const key = await deriveHere(await Bun.stdin.bytes());
  print(`${key.toHex()}\n`);
  return EXIT.ok;
}
