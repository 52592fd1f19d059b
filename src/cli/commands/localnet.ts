import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../base/error.ts";
import { ownCommand } from "../../base/program.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { loadConfiguration } from "../../config/load.ts";
import { LOCALNET_OPTIONS } from "../../config/localnet-options.ts";
import { expandPath } from "../../config/paths.ts";
import { type Localnet, startLocalnet } from "../../localnet/localnet.ts";
import { MINER_CHARACTERS, type MinerCharacter } from "../../localnet/miners/characters.ts";
import { parseCharacters } from "../../localnet/miners/miners.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";

/** Starts a subnet and holds it until Ctrl-C, or until a block. */
export async function localnet(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(LOCALNET_OPTIONS, sourcesOf(context));
  const net = await startLocalnet({
    minerCount: settings.miners,
    blockTimeMs: settings.blockTime * 1000,
    port: settings.port,
    tempoBlocks: settings.tempo,
    commitReveal: settings.commitReveal,
    epochs: settings.epochs,
    paused: settings.paused,
    uids: settings.uids,
    endpoints: settings.endpoints,
    faults: settings.fault,
    characters: settings.characters === undefined ? undefined : charactersOf(settings.characters),
    directory: settings.directory === undefined ? undefined : expandPath(settings.directory),
  });
  context.print(describeLocalnet(net));
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  if (context.signal.aborted) stop();
  context.signal.addEventListener("abort", () => stop(), { once: true });
  if (settings.untilBlock !== undefined) void net.node.reached(settings.untilBlock).then(() => stop());
  await stopped;
  await net.stop();
  return EXIT.ok;
}

function charactersOf(list: string): MinerCharacter[] {
  const parsed = parseCharacters(list);
  if (Array.isArray(parsed) && parsed.length > 0) return parsed;
  throw new Failure<ConfigCode>("config.bad-value", {
    message: `--characters knows no "${Array.isArray(parsed) ? list : parsed.unknown}"`,
    hint: `use ${MINER_CHARACTERS.join(", ")}`,
  });
}

/** @param mockLogs state and events of the validator that runs beside it in this process; undefined where none does */
export function describeLocalnet(net: Localnet, mockLogs?: string): string {
  const counts = new Map<string, number>();
  for (const { character } of net.miners) counts.set(character, (counts.get(character) ?? 0) + 1);
  const kinds = [...counts].map(([character, count]) => `${count} ${character}`).join(", ");
  return [
    `Chain      ${net.endpoint}  (netuid ${net.netuid})`,
    ...net.endpoints.slice(1).map((endpoint) => `           ${endpoint}`),
    ...(net.node.first.faults().length > 0 ? [`Faults     ${net.node.first.faults().join(", ")}`] : []),
    `Validator  ${net.validator}  (uid 0)`,
    `Wallets    ${net.walletPath}`,
    `Miners     ${counts.size === 0 ? "none" : `${net.miners.length}: ${kinds}`}`,
    "",
    ...net.miners.map(({ uid, port, character }) => `  uid ${uid}  ${character}  127.0.0.1:${port}`),
    ...(counts.size === 0 ? [] : [""]),
    "In another terminal:",
    ...(mockLogs === undefined ? [runLine(net)] : lookLines(net, mockLogs)).map((line) => `  ${line}`),
    "",
    mockLogs === undefined ? "Ctrl-C stops the subnet." : "Ctrl-C stops the validator and its subnet.",
    "",
  ].join("\n");
}

/** Command lines that look at a validator which runs already; a second one with its key would only be in its way. */
function lookLines(net: Localnet, logs: string): string[] {
  const own = `--logging.logging_dir ${logs} --wallet.name ${net.walletName} --wallet.hotkey ${net.walletHotkey}`;
  return [
    `${ownCommand("miners").join(" ")} ${own}`,
    `${ownCommand("status").join(" ")} ${own}`,
    `${ownCommand("localnet").join(" ")} miners --endpoint ${net.endpoint}`,
  ];
}

/**
 * For state and events of this chain alone: every start makes another one, whose validator could not go on with what that of
 * an earlier one left in the folder.
 */
function logsFolder(walletPath: string): string {
  const first = join(walletPath, "logs");
  let folder = first;
  for (let number = 2; existsSync(folder); number++) folder = `${first}-${number}`;
  return folder;
}

/** A command line that validates this subnet, as it can be pasted. */
function runLine(net: Localnet): string {
  const words = [
    ownCommand("run").join(" "),
    `--subtensor.chain_endpoint ${net.endpoints.join(",")}`,
    `--netuid ${net.netuid}`,
    `--wallet.path ${net.walletPath} --wallet.name ${net.walletName} --wallet.hotkey ${net.walletHotkey}`,
    `--logging.logging_dir ${logsFolder(net.walletPath)}`,
    // Miners that are silent by character would otherwise cost ten seconds a step.
    "--neuron.followup_timeout 2 --neuron.answer_timeout 2 --miners.max_requests 0",
  ];
  return words.join(" \\\n    ");
}
