import { loadConfiguration } from "../../config/load.ts";
import { LOCALNET_CONTROL_OPTIONS } from "../../config/localnet-options.ts";
import type { NeuronView } from "../../localnet/node/admin.ts";
import { CALL_FAULT, CHAIN_FAULTS, ENDPOINT_FAULTS, ONCE_FAULT } from "../../localnet/node/fault-names.ts";
import { SETTINGS } from "../../localnet/node/settings.ts";
import { askLocalnet } from "../../localnet/remote.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { renderTable } from "../table.ts";

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
  context.print(
    renderTable(
      ["UID", "HOTKEY", "AXON", "STAKE", "PERMIT", "INCENTIVE"],
      neurons.map((one) => [
        one.uid,
        one.hotkey,
        one.axon ?? "-",
        one.stakeTao,
        one.permit ? "yes" : "no",
        one.incentive.toFixed(4),
      ]),
    ),
  );
  return EXIT.ok;
}

/** Registers a hotkey; whoever is the weakest makes room in a full subnet. */
export async function registerNeuron(context: CommandContext): Promise<number> {
  context.print(`uid ${await ask(context, "localnet_register", ...(context.words ?? []))}\n`);
  return EXIT.ok;
}

/** Announces where a miner listens, on loopback too, which the call serve_axon of the chain refuses. */
export async function serveNeuron(context: CommandContext): Promise<number> {
  const [hotkey, address = ""] = context.words ?? [];
  const [ip, port] = address.split(":");
  await ask(context, "localnet_serve", hotkey, ip, port);
  context.print(`${hotkey} serves at ${address}\n`);
  return EXIT.ok;
}

/** Turns one thing of a running localnet, or says what there is. */
export async function setLocalnet(context: CommandContext): Promise<number> {
  const words = context.words ?? [];
  if (words.length === 0) {
    const rows = Object.entries(SETTINGS).map(([name, [form, help]]) => [
      `${name} ${form}`.trim(),
      `${help}`,
    ]);
    context.print(renderTable(["SETTING", "WHAT IT DOES"], rows));
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
  for (const fault of words) await ask(context, isOff ? "localnet_heal" : "localnet_fault", fault);
  if (isOff && words.length === 0) await ask(context, "localnet_heal");
  const active = (await ask(context, "localnet_faults")) as string[];
  if (flags.json === "true") context.print(`${JSON.stringify(active)}\n`);
  else {
    const known = Object.entries({ ...ENDPOINT_FAULTS, ...ONCE_FAULT, ...CHAIN_FAULTS });
    const rows = [...known.map(([name, [form, help]]) => [`${name}${form}`, `${help}`]), [...CALL_FAULT]];
    if (words.length === 0 && !isOff) context.print(`${renderTable(["FAULT", "WHAT HAPPENS"], rows)}\n`);
    context.print(`Active: ${active.length === 0 ? "none" : active.join(", ")}\n`);
  }
  return EXIT.ok;
}
