import { loadConfiguration } from "../../config/load.ts";
import { LOCALNET_CONTROL_OPTIONS } from "../../config/localnet-options.ts";
import type { NeuronView } from "../../localnet/node/admin.ts";
import { CALL_FAULT, CHAIN_FAULTS, ENDPOINT_FAULTS, ONCE_FAULTS } from "../../localnet/node/fault-names.ts";
import { SETTINGS } from "../../localnet/node/setting-names.ts";
import { askLocalnet } from "../../localnet/remote.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { labelled, screenWidth } from "../fit.ts";
import { fittedTable, noRoomText } from "../table.ts";

type Row = readonly [name: string, text: string];

const ask = (context: CommandContext, method: string, ...params: unknown[]): Promise<unknown> =>
  askLocalnet(
    loadConfiguration(LOCALNET_CONTROL_OPTIONS, sourcesOf(context)).settings.endpoint,
    method,
    ...params,
  );

/** Lists the neurons of a running localnet. */
export async function listNeurons(context: CommandContext): Promise<number> {
  const neurons = (await ask(context, "localnet_neurons")) as NeuronView[];
  if (context.flags.json === "true") {
    context.print(`${JSON.stringify(neurons)}\n`);
    return EXIT.ok;
  }
  const width = screenWidth(context.environment);
  const { text, gone } = fittedTable(
    ["UID", "HOTKEY", "AXON", "STAKE", "PERMIT", "INCENTIVE"],
    neurons.map((one) => [
      one.uid,
      one.hotkey,
      one.axon ?? "-",
      one.stakeTao,
      one.permit ? "yes" : "no",
      one.incentive.toFixed(4),
    ]),
    // A hotkey that is cut could not be given to another command.
    { width, spare: (at) => (at < 2 ? 0 : at), whole: new Set([1]) },
  );
  context.print(`${text}${noRoomText(gone, "--json has all", width)}`);
  return EXIT.ok;
}

/** Registers a hotkey; whoever is the weakest makes room in a full subnet. */
export async function registerNeuron(context: CommandContext): Promise<number> {
  context.print(`uid ${await ask(context, "localnet_register", ...(context.words ?? []))}\n`);
  return EXIT.ok;
}

/** Announces where a miner listens, on loopback too, which the call serve_axon of the chain refuses. */
export async function serveNeuron(context: CommandContext): Promise<number> {
  const [hotkey, address] = context.words ?? [];
  await ask(context, "localnet_serve", hotkey, address);
  context.print(`${hotkey} serves at ${address}\n`);
  return EXIT.ok;
}

/** Turns one thing of a running localnet, or says what there is. */
export async function setLocalnet(context: CommandContext): Promise<number> {
  const words = context.words ?? [];
  if (words.length === 0) {
    const rows = Object.entries(SETTINGS).map(
      ([name, [form, help]]): Row => [`${name} ${form}`.trim(), help],
    );
    context.print(labelled([["SETTING", "WHAT IT DOES"], ...rows], screenWidth(context.environment)));
    return EXIT.ok;
  }
  const result = await ask(context, "localnet_set", ...words);
  context.print(`${words.join(" ")}${result === null ? "" : `: ${JSON.stringify(result)}`}\n`);
  return EXIT.ok;
}

/** Makes faults, takes them away, or lists those that there are. */
export async function faultLocalnet(context: CommandContext): Promise<number> {
  const { words = [], flags } = context;
  const isOff = flags.off === "true";
  if (!isOff) await ask(context, "localnet_fault", ...words);
  else if (words.length === 0) await ask(context, "localnet_heal");
  else for (const fault of words) await ask(context, "localnet_heal", fault);
  const active = (await ask(context, "localnet_faults")) as string[];
  if (flags.json === "true") context.print(`${JSON.stringify(active)}\n`);
  else {
    const known = Object.entries({ ...ENDPOINT_FAULTS, ...ONCE_FAULTS, ...CHAIN_FAULTS });
    const rows = [...known.map(([name, [form, help]]): Row => [`${name}${form}`, help]), CALL_FAULT];
    if (words.length === 0 && !isOff)
      context.print(`${labelled([["FAULT", "WHAT HAPPENS"], ...rows], screenWidth(context.environment))}\n`);
    const once = isOff ? [] : words.filter((word) => Object.hasOwn(ONCE_FAULTS, word.split(":")[0]!));
    if (once.length > 0) context.print(`Happened: ${once.join(", ")}\n`);
    context.print(`Active: ${active.length === 0 ? "none" : active.join(", ")}\n`);
  }
  return EXIT.ok;
}
