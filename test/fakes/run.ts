import type { Identity } from "../../src/base/vocabulary.ts";
import type { Neuron } from "../../src/validator/ports.ts";
import { resume } from "../../src/validator/resume.ts";
import type { RunFacts, Session, ValidatorSettings } from "../../src/validator/session.ts";
import { type FakeChain, fakeModules, SETTINGS } from "./session.ts";

export const IDENTITY: Identity = { genesis: "0xfake", netuid: 1, hotkey: "key0" };

export const FACTS: RunFacts = {
  program: "0.0.0",
  commit: "source",
  target: "linux-x64",
  profile: "embedded",
  models: [],
  settings: {},
  spec_version: 424,
  endpoint: "ws://127.0.0.1:9944",
};

export interface RunChoice {
  settings?: Partial<ValidatorSettings>;
  /** Uids of miners that never answer. */
  silent?: number[];
  directory: string;
}

/** A session on fakes with a real state, as a run has it after its start, and what ends it. */
export async function openSession(chain: FakeChain, { settings, silent, directory }: RunChoice) {
  const { modules, events } = fakeModules(chain, silent);
  const stop = new AbortController();
  const session: Session<Neuron> = await resume({
    settings: { ...SETTINGS, ...settings },
    identity: IDENTITY,
    modules,
    stateDirectory: directory,
    signal: stop.signal,
  });
  return { session, modules, events, stop, stateDirectory: directory };
}
