import { loadConfiguration } from "../../config/load.ts";
import { OPTIONS, type Settings } from "../../config/options.ts";
import { type Localnet, startLocalnet } from "../../localnet/localnet.ts";
import { startValidator } from "../../validator/compose.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../report.ts";
import { openSigner } from "../unlock.ts";
import { describeLocalnet } from "./localnet.ts";

/** `--mock` runs on a subnet of this size and pace. */
const MOCK = { minerCount: 16, blockTimeMs: 1_000, port: 0, tempoBlocks: 20, commitReveal: true };

export async function run(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(OPTIONS, sourcesOf(context));
  if (!settings.mock) return validate(settings, context);
  const net = await startLocalnet(MOCK);
  try {
    context.print(describeLocalnet(net));
    return await validate({ ...settings, ...settingsFor(net) }, context);
  } finally {
    await net.stop();
  }
}

async function validate(settings: Settings, context: CommandContext): Promise<number> {
  const signer = await openSigner(settings, context.environment);
  await startValidator({ settings, signer, signal: context.signal });
  return EXIT.ok;
}

/** Settings that point a validator at a local subnet. */
export function settingsFor(net: Localnet): Partial<Settings> {
  return {
    netuid: net.netuid,
    subtensorNetwork: undefined,
    subtensorChainEndpoint: net.endpoint,
    walletPath: net.walletPath,
    walletName: net.walletName,
    walletHotkey: net.walletHotkey,
    loggingDir: `${net.walletPath}/logs`,
  };
}
