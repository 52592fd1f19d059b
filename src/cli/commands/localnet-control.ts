import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { loadConfiguration } from "../../config/load.ts";
import { LOCALNET_CONTROL_OPTIONS } from "../../config/localnet-options.ts";
import type { NeuronView } from "../../localnet/node/admin.ts";
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

/** What the first word after `localnet` does to a running one. */
const ACTIONS: Record<string, (context: CommandContext, words: readonly string[]) => Promise<number>> = {
  miners: (context) => listNeurons(context),
  register: registerNeuron,
  serve: serveNeuron,
  set: setLocalnet,
};

/** @throws Failure `config.stray-word` for a word that is none of them; `localnet.*` */
export async function controlLocalnet(context: CommandContext, words: readonly string[]): Promise<number> {
  const [action = "", ...rest] = words;
  const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (run === undefined)
    throw new Failure<ConfigCode>("config.stray-word", {
      message: `localnet does not know "${action}"`,
      hint: `It takes ${Object.keys(ACTIONS).join(", ")}, or nothing to start a subnet.`,
    });
  return await run(context, rest);
}

/** Lists the neurons of a running localnet. */
async function listNeurons(context: CommandContext): Promise<number> {
  const neurons = (await ask(context, "localnet_neurons")) as NeuronView[];
  context.print(
    context.flags.json === "true"
      ? `${JSON.stringify(neurons)}\n`
      : renderTable(
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
async function registerNeuron(context: CommandContext, words: readonly string[]): Promise<number> {
  context.print(`uid ${await ask(context, "localnet_register", ...words)}\n`);
  return EXIT.ok;
}

/** Announces where a miner listens, on loopback too, which the call serve_axon of the chain refuses. */
async function serveNeuron(context: CommandContext, words: readonly string[]): Promise<number> {
  const [hotkey, address = ""] = words;
  const [ip, port] = address.split(":");
  await ask(context, "localnet_serve", hotkey, ip, port);
  context.print(`${hotkey} serves at ${address}\n`);
  return EXIT.ok;
}

/** Turns one thing of a running localnet. */
async function setLocalnet(context: CommandContext, words: readonly string[]): Promise<number> {
  const result = await ask(context, "localnet_set", ...words);
  context.print(`${words.join(" ")}${result === null ? "" : `: ${JSON.stringify(result)}`}\n`);
  return EXIT.ok;
}
