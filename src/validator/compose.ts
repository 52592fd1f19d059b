import { join } from "node:path";
import { Failure } from "../base/error.ts";
import { lockFile } from "../base/lock.ts";
import { log } from "../base/log.ts";
import { asNetuid } from "../base/units.ts";
import { ChainConnection } from "../chain/connection.ts";
import { type Network, resolveNetwork } from "../chain/networks.ts";
import { serveAxon } from "../chain/serve.ts";
import type { Settings } from "../config/options.ts";
import { modelDirectory, stateDirectory } from "../config/paths.ts";
import { specVersion, VERSION } from "../config/version.ts";
import { Journal } from "../events/journal.ts";
import type { EventV1 as Event } from "../events/version-1.ts";
import { EmbeddingCache } from "../inference/embedding-cache.ts";
import { ModelPool } from "../inference/pool.ts";
import { chainAddress } from "../miners/address.ts";
import { Dendrite, type MinerTarget } from "../miners/ask.ts";
import { readOwnAddresses } from "../miners/own-addresses.ts";
import { requireModels } from "../models/known-models.ts";
import { openTextSource } from "../prompts/source.ts";
import type { HotkeySigner } from "../wallet/signer.ts";
import { openJudge, readScoring } from "./judge.ts";
import { placeModels } from "./placement.ts";
import type { Miners } from "./ports.ts";
import { encoderOf, openRouter } from "./router.ts";
import { validatorSettings } from "./settings.ts";
import { LOCK_FILE } from "./state/upkeep.ts";
import { type AxonNeuron, Subtensor } from "./subtensor.ts";
import { runValidator } from "./validator.ts";

export interface StartOptions {
  settings: Settings;
  /** The network flag was given and the endpoint comes from the environment only. */
  networkWins?: boolean;
  signer: HotkeySigner;
  signal: AbortSignal;
  /** Address at which the internet sees this machine; only asked when an axon is announced without one. */
  findExternalIp?: () => Promise<string | undefined>;
  /** Starts miners that answer for every uid, for `--neuron.mock_dendrite_pool`. They answer this hotkey alone. */
  startStandIns?: (hotkey: string) => Promise<StandIns>;
  /** Sees every event after the journal has it. */
  onEvent?(event: Event): void;
}

/** Miners of this machine, asked in place of those that the chain names. */
export interface StandIns {
  /** In turn by uid: the miner number `uid % miners.length`. */
  miners: readonly { hotkey: MinerTarget["hotkey"]; host: string; port: number }[];
  stop(): Promise<void>;
}

/** Things that were opened, closed in the opposite order whatever happens. */
class Opened {
  readonly #closers: (() => void | Promise<void>)[] = [];

  add<T>(thing: T, close: (thing: T) => void | Promise<void>): T {
    this.#closers.push(() => close(thing));
    return thing;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) {
      try {
        await close();
      } catch (error) {
        log.warn("Something did not close cleanly", { error });
      }
    }
  }
}

/**
 * Puts a validator together from its settings and runs it until the signal, or an error that no retry can mend.
 * @throws Failure of the room that could not be opened.
 */
export async function startValidator(options: StartOptions): Promise<void> {
  const { settings, signer, signal } = options;
  const opened = new Opened();
  try {
    // Read here already: a wrong name or a missing model should not be found out after the chain was reached.
    const scoring = readScoring(settings);
    const encoder = encoderOf(settings, scoring.profile);
    const models = placeModels(settings, scoring, encoder);
    const directoryOfModels = modelDirectory(settings.modelsDir, process.env);
    requireModels(
      models.map(({ id }) => id),
      directoryOfModels,
    );
    const directory = stateDirectory(settings);
    opened.add(lockFile(join(directory, LOCK_FILE)), (unlock) => unlock());
    const network = resolveNetwork({
      chainEndpoint: settings.subtensorChainEndpoint,
      network: settings.subtensorNetwork,
      networkWins: options.networkWins ?? false,
    });
    const connection = opened.add(await ChainConnection.connect({ ...network, signal }), (open) =>
      open.close(),
    );
    const versionKey = settings.neuronVersionKey ?? specVersion();
    const chain = new Subtensor(connection, signer, asNetuid(settings.netuid), versionKey);
    const subnet = await chain.fetchSubnet();
    log.info("Registered", { hotkey: signer.hotkey, netuid: settings.netuid, uid: subnet.ownUid });

    const inference = opened.add(
      await ModelPool.start({
        models,
        modelDirectory: directoryOfModels,
        memoryBytes: settings.modelsMemory,
        signal,
      }),
      (open) => open.stop(),
    );
    const vectors = new EmbeddingCache(inference);
    const judge = openJudge(scoring, inference, vectors);
    const router = openRouter(settings, encoder, vectors);
    const texts = opened.add(
      await openTextSource(settings.neuronMockDataset ? undefined : settings.dataSource, {
        endpoint: settings.dataEndpoint,
        token: settings.dataToken,
      }),
      (open) => open.close(),
    );
    const miners = await openMiners(options, network, opened);
    await announce(options, network, connection);

    const journal = settings.neuronDontSaveEvents
      ? undefined
      : opened.add(
          Journal.open(join(directory, "events"), { budgetBytes: settings.neuronEventsRetentionSize }),
          (open) => open.close(),
        );
    const events = {
      append(event: Event): void {
        journal?.append(event);
        options.onEvent?.(event);
      },
    };
    await runValidator({
      settings: validatorSettings(settings),
      identity: { genesis: chain.genesisHash, netuid: settings.netuid, hotkey: signer.hotkey },
      modules: { chain, miners, judge, router, texts, events },
      stateDirectory: directory,
      signal,
    });
  } finally {
    await opened.close();
  }
}

async function openMiners(
  { settings, signer, startStandIns }: StartOptions,
  network: Network,
  opened: Opened,
): Promise<Miners<AxonNeuron>> {
  const allowPrivate = settings.minersAllowPrivate || settings.neuronMockDendritePool || isLoopback(network);
  if (settings.minersAllowPrivate && network.name === "finney") {
    throw new Failure("config.conflict", {
      message:
        "--miners.allow_private is for local subnets; on finney a miner could aim this validator at your own network",
      hint: "leave the flag out",
    });
  }
  const dendrite = new Dendrite({
    signer,
    policy: { allowPrivate, ownAddresses: readOwnAddresses(settings.axonExternalIp) },
    externalIp: settings.axonExternalIp,
    version: VERSION,
  });
  if (settings.neuronMockDendritePool && startStandIns === undefined)
    throw new Error("nobody starts the miners of --neuron.mock_dendrite_pool");
  const standIns =
    settings.neuronMockDendritePool && startStandIns !== undefined
      ? opened.add(await startStandIns(signer.hotkey), (open) => open.stop())
      : undefined;
  const targetsOf = (neurons: readonly AxonNeuron[]): MinerTarget[] =>
    standIns === undefined ? [...neurons] : neurons.map(({ uid }) => standInFor(uid, standIns));
  return {
    async ask(neurons, prompt, timeoutMs, signal) {
      const replies = await dendrite.ask(
        targetsOf(neurons),
        { roles: ["user"], messages: [prompt] },
        { timeoutMs, signal },
      );
      return replies.map((reply, index) => ({
        ...reply,
        uid: neurons[index]!.uid,
        hotkey: neurons[index]!.hotkey,
      }));
    },
  };
}

function standInFor(uid: MinerTarget["uid"], { miners }: StandIns): MinerTarget {
  const { hotkey, host, port } = miners[uid % miners.length]!;
  return { uid, hotkey, axon: { ...chainAddress(host), port } };
}

/** Writes this validator's address on chain, which some miners let through their firewall; nothing listens there. */
async function announce(options: StartOptions, network: Network, connection: ChainConnection): Promise<void> {
  const { settings, signer } = options;
  if (settings.neuronAxonOff) return;
  // A chain on this machine needs no address, and the chain refuses 127.0.0.1.
  if (settings.axonExternalIp === undefined && isLoopback(network)) return;
  const ip = settings.axonExternalIp ?? (await options.findExternalIp?.());
  if (ip === undefined) {
    log.warn("Not announced on chain: the external address is unknown", { hint: "give --axon.external_ip" });
    return;
  }
  try {
    const served = await serveAxon(connection, signer, {
      netuid: asNetuid(settings.netuid),
      ...chainAddress(ip),
      port: settings.axonExternalPort ?? settings.axonPort,
    });
    log.info("Announced on chain", { ip, port: settings.axonExternalPort ?? settings.axonPort, served });
  } catch (error) {
    // Miners answer unannounced validators as well, so this does not stop the run.
    log.warn("Not announced on chain", { error, hint: error instanceof Failure ? error.hint : undefined });
  }
}

function isLoopback(network: Network): boolean {
  return network.endpoints.every((endpoint) => {
    const { hostname } = new URL(endpoint);
    return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  });
}
