import { join } from "node:path";
import { orAborted } from "../base/deadline.ts";
import { KEPT_FREE_BYTES } from "../base/disk.ts";
import { isFailure } from "../base/error.ts";
import { lockFile } from "../base/lock.ts";
import { log } from "../base/log.ts";
import { asNetuid } from "../base/units.ts";
import type { Identity } from "../base/vocabulary.ts";
import { ChainConnection } from "../chain/connection.ts";
import { type Network, resolveNetwork } from "../chain/networks.ts";
import { diskBudget } from "../config/disk-budget.ts";
import type { Origin } from "../config/load.ts";
import type { Settings } from "../config/options.ts";
import { LOCK_FILE, stateDirectory } from "../config/paths.ts";
import { specVersion } from "../config/version.ts";
import { EventFeed } from "../events/feed.ts";
import { Journal } from "../events/journal.ts";
import type { Event, EventBody, StopBody } from "../events/schema.ts";
import { EmbeddingCache } from "../inference/embedding-cache.ts";
import { ModelPool } from "../inference/pool.ts";
import { requireUsableKey } from "../miners/synapse-request.ts";
import { openTextSource } from "../prompts/source.ts";
import { openTelemetry } from "../telemetry/open.ts";
import type { UpdateWatch } from "../update/update-watch.ts";
import type { HotkeySigner } from "../wallet/signer.ts";
import { AxonDuty } from "./announce.ts";
import { InferenceMeter } from "./inference-meter.ts";
import { openJudge } from "./open-judge.ts";
import { openMiners, type StartStandIns } from "./open-miners.ts";
import { openRouter } from "./open-router.ts";
import { Opened } from "./opened.ts";
import { runFacts } from "./run-facts.ts";
import { planScoring } from "./scoring-plan.ts";
import type { ValidatorOptions } from "./session.ts";
import { validatorSettings } from "./settings.ts";
import { type AxonNeuron, Subtensor } from "./subtensor.ts";
import { SYSTEM_TIME } from "./system-time.ts";
import { runValidator } from "./validator.ts";
import { policyOf } from "./weighing.ts";

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
  /** Chooses the profile where the settings name none, and brings its models, once the chain is known by its genesis hash. */
  readyModels?: (settings: Settings, genesisHash: string) => Promise<Settings>;
  /** What is told of releases of this program: opened when there is a feed. */
  updates?: UpdateWatch;
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

async function openAndRun(given: StartOptions, opened: Opened): Promise<void> {
  const { signer, signal } = given;
  requireUsableKey(signer);
  // Read here already: a wrong name or a missing model should not be found out after the chain was reached.
  planScoring(given.settings);
  const directory = stateDirectory(given.settings);
  opened.add("lock", lockFile(join(directory, LOCK_FILE)), (unlock) => unlock());
  // What the connection does before there is a feed is told as soon as there is one.
  const early: EventBody[] = [];
  let tell = (body: EventBody): unknown => early.push(body);
  const connection = opened.add(
    "connection to the chain",
    await orAborted(
      ChainConnection.connect({
        ...networkOf(given),
        signal,
        onState: (change) => tell({ kind: "chain", ...change }),
      }),
      signal,
    ),
    (open) => open.close(),
  );
  const settings = (await given.readyModels?.(given.settings, connection.genesisHash)) ?? given.settings;
  const options: StartOptions = { ...given, settings };
  const plan = planScoring(settings);
  const identity = { genesis: connection.genesisHash, netuid: settings.netuid, hotkey: signer.hotkey };
  const feed = opened.add(
    "events",
    openFeed(options, identity, directory, () => connection.head()),
    (open) => open.close(),
  );
  opened.add(
    "telemetry",
    openTelemetry(settings, feed, {
      directory,
      signal,
      environment: process.env,
      signRunId: (id) => signer.signRunId(id),
      chainRequests: () => connection.requests,
    }),
    (open) => open.close(),
  );
  for (const body of early.splice(0)) feed.emit(body);
  tell = (body) => feed.emit(body);
  if (options.updates !== undefined) {
    options.updates.open(tell);
    opened.add("watch of updates", options.updates, (open) => open.close());
  }

  let steps = 0;
  let failure: unknown;
  try {
    const parts = await openParts(options, opened, { plan, connection, feed });
    await runValidator({
      ...parts,
      settings: validatorSettings(settings),
      identity,
      stateDirectory: directory,
      signal,
      onEnd(count) {
        steps = count;
      },
    });
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    feed.emit({ kind: "stop", ...endOf(failure, options), steps });
  }
}

function networkOf({ settings, networkWins = false }: StartOptions): Network {
  return resolveNetwork({
    chainEndpoint: settings.subtensorChainEndpoint,
    network: settings.subtensorNetwork,
    networkWins,
  });
}

interface Ground {
  plan: ReturnType<typeof planScoring>;
  connection: ChainConnection;
  feed: EventFeed;
}

/** Everything that a run needs besides its chain and its feed, each of which may take its time. */
async function openParts(
  { settings, origins, signer, signal, findExternalIp, startStandIns }: StartOptions,
  opened: Opened,
  { plan, connection, feed }: Ground,
): Promise<Pick<ValidatorOptions<AxonNeuron>, "modules" | "facts" | "duties">> {
  const { scoring, encoder, models, directoryOfModels } = plan;
  const meter = new InferenceMeter();
  const pool = opened.add(
    "models",
    await orAborted(
      ModelPool.start({
        models,
        modelDirectory: directoryOfModels,
        memoryBytes: settings.modelsMemory,
        signal,
        onModel: (change) => void feed.emit({ kind: "model", ...change }),
        onServed: (served) => meter.add(served),
      }),
      signal,
    ),
    (open) => open.stop(),
  );
  const vectors = new EmbeddingCache(pool);
  const texts = opened.add(
    "texts",
    await orAborted(
      openTextSource(
        settings.neuronMockDataset ? undefined : settings.dataSource,
        { endpoint: settings.dataEndpoint, token: settings.dataToken },
        signal,
      ),
      signal,
    ),
    (open) => open.close(),
  );
  const miners = await orAborted(
    openMiners(settings, connection.genesisHash, signer, opened, startStandIns),
    signal,
  );
  const axon = new AxonDuty(settings, connection, signer, findExternalIp);
  const head = connection.head();
  if (axon.isDue(head)) await orAborted(axon.run(head), signal);
  const versionKey = settings.neuronVersionKey ?? specVersion();
  return {
    modules: {
      chain: new Subtensor(
        connection,
        signer,
        asNetuid(settings.netuid),
        versionKey,
        policyOf(settings),
        settings.neuronMecid,
      ),
      miners,
      judge: openJudge(scoring, pool, vectors, meter),
      router: openRouter(settings, encoder, vectors),
      texts,
      feed,
      time: SYSTEM_TIME,
    },
    duties: [axon],
    facts: runFacts({
      settings,
      origins,
      profile: scoring.profile.id,
      roles: new Map(models.map(({ id, roles }) => [id, roles])),
      running: await pool.running(),
      connection,
    }),
  };
}

/** Why a run ended, for the event `stop`. */
function endOf(
  failure: unknown,
  { signal, exitCodeOf }: StartOptions,
): Pick<StopBody, "reason" | "exit_code"> {
  if (failure === undefined) return { reason: signal.aborted ? "signal" : "done", exit_code: 0 };
  if (isFailure(failure, "deadline.aborted") && signal.aborted) return { reason: "signal", exit_code: 0 };
  return {
    reason: isFailure(failure) ? failure.code : "unexpected",
    exit_code: exitCodeOf?.(failure) ?? 1,
  };
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
    : new Journal(join(directory, "events"), {
        budgetBytes: diskBudget("events", settings),
        keptFreeBytes: KEPT_FREE_BYTES,
      });
  const feed = new EventFeed({ journal, identity, block });
  if (onEvent)
    feed.subscribe("caller", { capacity: READER_CAPACITY }, (events) => {
      for (const event of events) onEvent(event);
    });
  return feed;
}
