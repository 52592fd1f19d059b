import { log } from "../base/log.ts";
import { type Configuration, loadConfiguration } from "../config/load.ts";
import { OPTIONS, type Settings } from "../config/options.ts";
import { type Localnet, startLocalnet } from "../localnet/localnet.ts";
import { findExternalIp } from "../net/external-address.ts";
import { type StartOptions, startValidator } from "../validator/compose.ts";
import { planScoring } from "../validator/scoring-plan.ts";
import { type CommandContext, sourcesOf } from "./command.ts";
import { describeLocalnet } from "./commands/localnet.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { readyModels } from "./first-start.ts";
import { openSigner, ownTerminal } from "./open-signer.ts";
import { startStandIns } from "./stand-ins.ts";
import { openUpdateWatch } from "./update/open-update-watch.ts";

/** `--mock` runs on a subnet of this size and pace. */
const MOCK = { minerCount: 16, blockTimeMs: 1_000, port: 0, tempoBlocks: 20, commitReveal: true };

const MOCK_TIMEOUT_S = 2;
/** Flags of what `settingsFor` says. */
const MADE_BY_MOCK = [
  ...["netuid", "subtensor.network", "subtensor.chain_endpoint", "wallet.path", "wallet.name"],
  ...["wallet.hotkey", "miners.max_requests"],
] as const satisfies readonly (keyof typeof OPTIONS)[];

/** Validates in this process until the signal. @param updates whose news are told as events */
export async function validate(context: CommandContext, updates = openUpdateWatch()): Promise<number> {
  const configuration = loadConfiguration(OPTIONS, sourcesOf(context));
  const { settings, origins } = configuration;
  if (!settings.mock) {
    // An endpoint of the environment gives way to a network on the command line.
    const networkWins =
      origins.subtensorNetwork.kind === "flag" && origins.subtensorChainEndpoint.kind !== "flag";
    return validateWith(settings, { networkWins, origins, updates }, context);
  }
  planScoring(settings);
  const net = await startLocalnet(MOCK);
  try {
    const own = settingsOfMock(configuration, net);
    context.print(describeLocalnet(net, own.loggingLoggingDir));
    warnOfIdleFlags(context);
    return await validateWith(own, { origins, updates }, context);
  } finally {
    await net.stop();
  }
}

async function validateWith(
  settings: Settings,
  more: Pick<StartOptions, "networkWins" | "origins" | "updates">,
  context: CommandContext,
): Promise<number> {
  const signer = await openSigner(settings, { ...context, terminal: ownTerminal() });
  const { signal } = context;
  await startValidator({
    settings,
    ...more,
    signer,
    signal,
    findExternalIp: () => findExternalIp(signal),
    startStandIns,
    readyModels: (chosen, genesisHash) => readyModels(chosen, genesisHash, signal),
    exitCodeOf,
  });
  return EXIT.ok;
}

/** An old start line may have them, so they are no reason to refuse it. */
export function warnOfIdleFlags({ flags }: Pick<CommandContext, "flags">): void {
  const idle = MADE_BY_MOCK.filter((flag) => flags[flag] !== undefined);
  if (idle.length === 0) return;
  log.warn("--mock makes a subnet and a wallet of its own; these flags change nothing", {
    flags: idle.map((flag) => `--${flag}`).join(" "),
  });
}

/** Those of a validator of a local subnet that goes with it, and its journal too, unless the command line says where to keep that. */
export function settingsOfMock(
  { settings, origins }: Configuration<typeof OPTIONS>,
  net: Localnet,
): Settings {
  const isGiven = (origin: { kind: string }): boolean => origin.kind !== "default";
  const own = {
    ...settings,
    ...settingsFor(net),
    // Miners that are silent by character would otherwise cost ten seconds a step.
    ...(isGiven(origins.neuronFollowupTimeout) ? {} : { neuronFollowupTimeout: MOCK_TIMEOUT_S }),
    ...(isGiven(origins.neuronAnswerTimeout) ? {} : { neuronAnswerTimeout: MOCK_TIMEOUT_S }),
  };
  // A folder that a config file or the environment names is of a validator with another wallet.
  return origins.loggingLoggingDir.kind === "flag"
    ? { ...own, loggingLoggingDir: settings.loggingLoggingDir }
    : own;
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
    loggingLoggingDir: `${net.walletPath}/logs`,
    // Its miners live on this machine and mind no number of requests.
    minersMaxRequests: 0,
  };
}
