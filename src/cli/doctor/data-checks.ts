import { openTextSource } from "../../prompts/source.ts";
import { type Check, ok, skip } from "./check.ts";
import type { Patient } from "./patient.ts";

const LOCAL_MS = 4_000;
/** A hub answers within seconds; its retries would go on for a minute. */
const HUB_MS = 30_000;

/** Names of --data.source; none for the packaged sample. */
function namesOf({ settings }: Patient): string[] {
  const { neuronMockDataset, dataSource } = settings;
  return neuronMockDataset || dataSource === undefined
    ? []
    : dataSource.split(",").map((name) => name.trim());
}

const isRemote = (name: string): boolean => name.startsWith("hf:");

async function draw({ settings }: Patient, names: string | undefined, signal: AbortSignal): Promise<number> {
  const source = await openTextSource(
    names,
    { endpoint: settings.dataEndpoint, token: settings.dataToken },
    signal,
  );
  try {
    return (await source.next(signal)).length;
  } finally {
    source.close();
  }
}

const local: Check = {
  name: "data.local",
  timeoutMs: LOCAL_MS,
  async run(patient, signal) {
    const names = namesOf(patient);
    const files = names.filter((name) => !isRemote(name));
    if (names.length === 0) {
      await draw(patient, undefined, signal);
      return ok("the packaged texts");
    }
    if (files.length === 0) return skip("no file is named");
    return await Promise.all(
      files.map(async (name) =>
        ok(`${name} gives a text of ${await draw(patient, name, signal)} characters`),
      ),
    );
  },
};

const hub: Check = {
  name: "data.hub",
  timeoutMs: HUB_MS,
  needsNetwork: true,
  async run(patient, signal) {
    const names = namesOf(patient).filter(isRemote);
    if (names.length === 0) return skip("no dataset of a hub is named");
    return await Promise.all(
      names.map(async (name) =>
        ok(`${name} gives a text of ${await draw(patient, name, signal)} characters`),
      ),
    );
  },
};

export const DATA_CHECKS: readonly Check[] = [local, hub];
