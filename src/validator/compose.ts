import { join } from "node:path";
import { orAborted } from "../base/deadline.ts";
import { isFailure } from "../base/error.ts";
import { lockFile } from "../base/lock.ts";
import { log } from "../base/log.ts";
import { asNetuid } from "../base/units.ts";
import type { Identity } from "../base/vocabulary.ts";
import { ChainConnection } from "../chain/connection.ts";
import { resolveNetwork } from "../chain/networks.ts";
import type { Origin } from "../config/load.ts";
import type { Settings } from "../config/options.ts";
import { stateDirectory } from "../config/paths.ts";
import { specVersion } from "../config/version.ts";
import { EventFeed } from "../events/feed.ts";
import { Journal } from "../events/journal.ts";
import type { Event, EventBody } from "../events/schema.ts";
import { EmbeddingCache } from "../inference/embedding-cache.ts";
import { ModelPool } from "../inference/pool.ts";
import { openTextSource } from "../prompts/source.ts";
import type { HotkeySigner } from "../wallet/signer.ts";
import { announce } from "./announce.ts";
import { InferenceMeter } from "./inference-meter.ts";
import { openJudge } from "./open-judge.ts";
import { openMiners, type StartStandIns } from "./open-miners.ts";
import { openRouter } from "./open-router.ts";
import { Opened } from "./opened.ts";
import { runFacts } from "./run-facts.ts";
import { planScoring } from "./scoring-plan.ts";
import { validatorSettings } from "./settings.ts";
import { LOCK_FILE } from "./state/upkeep.ts";
import { Subtensor } from "./subtensor.ts";
import { SYSTEM_TIME } from "./system-time.ts";
import { runValidator } from "./validator.ts";

export interface StartOptions {
  settings: Settings;
  /** Where each setting came from, for the event `run`. */
  origins?: Partial<Record<keyof Settings, Origin>>;
  /** The network flag was given and the endpoint comes from the environment only. */
  networkWins?: boolean;
  signer: HotkeySigner;
  signal: AbortSignal;
  /** Address at which the internet sees this machine; only asked when an axon is announced without one. */
  findExternalIp?: () => Promise<string | undefined>;
  /** Starts reference miners that stand in for the subnet's (--neuron.mock_dendrite_pool). */
  startStandIns?: StartStandIns;
  /** Exit code that an error ends the process with, for the event `stop`. */
  exitCodeOf?: (error: unknown) => number;
  /** Sees every event after the journal has it. */
  onEvent?(event: Event): void;
}

/**
 * Puts a validator together from its settings and runs it until the signal, or an error that no retry can mend. A signal
 * that comes while something opens ends it as quietly as one that comes later.
 * @throws Failure of the room that could not be opened.
 */
export async function startValidator(options: StartOptions): Promise<void> {
  const opened = new Opened();
  try {
    await openAndRun(options, opened);
  } catch (error) {
    if (!isFailure(error, "deadline.aborted") || !options.signal.aborted) throw error;
    log.debug("Stopped before the first step", { error });
  } finally {
    await opened.close();
  }
}

async function openAndRun(options: StartOptions, opened: Opened): Promise<void> {
  const { settings, signer, signal } = options;
  const unlessStopped = <T>(work: Promise<T>): Promise<T> => orAborted(work, signal);
  const { scoring, encoder, models, directoryOfModels } = planScoring(settings);
  const directory = stateDirectory(settings);
  opened.add("lock", lockFile(join(directory, LOCK_FILE)), (unlock) => unlock());
  const network = resolveNetwork({
    chainEndpoint: settings.subtensorChainEndpoint,
    network: settings.subtensorNetwork,
    networkWins: options.networkWins ?? false,
  });
  // What the connection does before there is a feed is told as soon as there is one.
  const early: EventBody[] = [];
  let tell = (body: EventBody): unknown => early.push(body);
  const connection = opened.add(
    "connection to the chain",
    await unlessStopped(
      ChainConnection.connect({
        ...network,
        signal,
        onState: (change) => tell({ kind: "chain", ...change }),
      }),
    ),
    (open) => open.close(),
  );
  const versionKey = settings.neuronVersionKey ?? specVersion();
  const chain = new Subtensor(connection, signer, asNetuid(settings.netuid), versionKey);
  const identity = { genesis: chain.genesisHash, netuid: settings.netuid, hotkey: signer.hotkey };
  const feed = opened.add(
    "events",
    openFeed(options, identity, directory, () => connection.head()),
    (open) => open.close(),
  );
  for (const body of early.splice(0)) feed.emit(body);
  tell = (body) => feed.emit(body);

  let steps = 0;
  try {
    const meter = new InferenceMeter();
    const loaded = new Map<string, { dtype: string | null; device: string | null; sha256: string | null }>();
    const pool = opened.add(
      "models",
      await unlessStopped(
        ModelPool.start({
          models,
          modelDirectory: directoryOfModels,
          memoryBytes: settings.modelsMemory,
          signal,
        }),
      ),
      (open) => open.stop(),
    );
    const vectors = new EmbeddingCache(pool);
    const texts = opened.add(
      "texts",
      await unlessStopped(
        openTextSource(
          settings.neuronMockDataset ? undefined : settings.dataSource,
          { endpoint: settings.dataEndpoint, token: settings.dataToken },
          signal,
        ),
      ),
      (open) => open.close(),
    );
    const miners = await unlessStopped(
      openMiners(settings, connection.genesisHash, signer, opened, options.startStandIns),
    );
    await unlessStopped(announce(settings, connection, signer, options.findExternalIp));
    steps = await runValidator({
      settings: validatorSettings(settings),
      identity,
      modules: {
        chain,
        miners,
        judge: openJudge(scoring, pool, vectors, meter),
        router: openRouter(settings, encoder, vectors),
        texts,
        feed,
        time: SYSTEM_TIME,
      },
      facts: runFacts({
        settings,
        origins: options.origins,
        profile: settings.neuronMockRewardModels ? "embedded" : settings.modelsProfile,
        models: models.map(({ id, roles }) => ({
          id,
          roles,
          ...(loaded.get(id) ?? { dtype: null, device: null, sha256: null }),
        })),
        connection,
      }),
      stateDirectory: directory,
      signal,
    });
    feed.emit({ kind: "stop", reason: signal.aborted ? "signal" : "done", exit_code: 0, steps });
  } catch (error) {
    const isStop = isFailure(error, "deadline.aborted") && signal.aborted;
    const reason = isStop ? "signal" : isFailure(error) ? error.code : "unexpected";
    const code = isStop ? 0 : (options.exitCodeOf?.(error) ?? 1);
    feed.emit({ kind: "stop", reason, exit_code: code, steps });
    throw error;
  }
}

/** Readers of events may fall so far behind before they miss some. */
const READER_CAPACITY = 10_000;

function openFeed(
  { settings, onEvent }: StartOptions,
  identity: Identity,
  directory: string,
  block: () => number,
): EventFeed {
  const journal = settings.neuronDontSaveEvents
    ? undefined
    : Journal.open(join(directory, "events"), { budgetBytes: settings.neuronEventsRetentionSize });
  const feed = new EventFeed({ journal, identity, block });
  if (onEvent)
    feed.subscribe("caller", { capacity: READER_CAPACITY }, (events) => {
      for (const event of events) onEvent(event);
    });
  return feed;
}
