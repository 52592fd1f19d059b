import { ChainConnection } from "../../chain/connection.ts";
import { resolveNetwork } from "../../chain/networks.ts";
import { loadConfiguration } from "../../config/load.ts";
import { OPTIONS } from "../../config/options.ts";
import { stateDirectory } from "../../config/paths.ts";
import { paceSettings } from "../../validator/settings.ts";
import { reportState } from "../../validator/state/report.ts";
import { policyOf } from "../../validator/weighing.ts";
import { type MechanismReport, reportWeights, type WeightsReport } from "../../validator/weights-report.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth } from "../fit.ts";
import { weightsScreen } from "../weights-screen.ts";

/** Shows weights as the chain has them and as they would be set now. */
export async function showWeights(context: CommandContext): Promise<number> {
  const { settings, origins } = loadConfiguration(OPTIONS, sourcesOf(context));
  // Looked at first: without a state there is nothing to compare, whatever the chain says.
  const state = reportState(stateDirectory(settings));
  const connection = await ChainConnection.connect({
    ...resolveNetwork({
      chainEndpoint: settings.subtensorChainEndpoint,
      network: settings.subtensorNetwork,
      // As run does: an endpoint of the environment gives way to a network on the command line.
      networkWins: origins.subtensorNetwork.kind === "flag" && origins.subtensorChainEndpoint.kind !== "flag",
    }),
    signal: context.signal,
  });
  try {
    const report = await reportWeights(connection, state, {
      policy: policyOf(settings),
      settings: paceSettings(settings),
      mecids: settings.neuronMecid,
      beforeEpochBlocks: settings.weightsBeforeEpoch,
    });
    context.print(
      context.flags.json === "true"
        ? `${JSON.stringify(asJson(report), null, 2)}\n`
        : weightsScreen(report, screenWidth(context.environment)),
    );
    return EXIT.ok;
  } finally {
    await connection.close();
  }
}

function asJson({ nextEpochBlock, opensAt, mechanisms, ...facts }: WeightsReport): unknown {
  return {
    ...facts,
    next_epoch_block: nextEpochBlock ?? null,
    opens_at: opensAt ?? null,
    mechanisms: mechanisms.map(mechanismAsJson),
  };
}

function mechanismAsJson({ rows, proposal, windows, reveals, ...facts }: MechanismReport): unknown {
  return {
    mecid: facts.mecid,
    share: facts.share,
    last_update: facts.lastUpdate,
    set_by: facts.setBy,
    moved: facts.moved,
    rules: "lines" in proposal ? proposal.lines : [],
    reason: "reason" in proposal ? proposal.reason : null,
    weights: rows.map(({ onChain, ...row }) => ({
      ...row,
      on_chain: onChain,
      difference: row.now - onChain,
    })),
    windows,
    reveals: reveals.map(({ revealRound, revealBlock, isOnChain, ...reveal }) => ({
      ...reveal,
      reveal_round: revealRound,
      reveal_block: revealBlock,
      is_on_chain: isOnChain,
    })),
  };
}
