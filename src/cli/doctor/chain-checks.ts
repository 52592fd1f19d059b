import { counted } from "../../base/text.ts";
import { hasStorage } from "../../chain/storage.ts";
import { type Check, type Finding, fail, findingOf, ok, skip, warn } from "./check.ts";
import { isView, NODE_MS, type NodeView } from "./nodes.ts";
import type { Patient } from "./patient.ts";

const MOCK = "--mock makes a chain of its own";
const CHOOSE = "Name another one with --subtensor.chain_endpoint, or wait until it has caught up.";
const CLOCK_FIX = "Set the clock, for example with systemd-timesyncd or chrony.";

/** The work that all these share is done by the first of them, so each waits for the slowest endpoint. */
function chainCheck(
  name: string,
  run: (views: NodeView[], patient: Patient) => Finding | Finding[] | Promise<Finding | Finding[]>,
): Check {
  return {
    name,
    timeoutMs: NODE_MS,
    needsNetwork: true,
    async run(patient) {
      if (patient.settings.mock) return skip(MOCK);
      const views = (await patient.nodes.all()).filter(isView);
      return views.length === 0 ? skip("no endpoint answers") : await run(views, patient);
    },
  };
}

const seconds = (ms: number): string => {
  const whole = Math.round(Math.abs(ms) / 1000);
  return whole < 600 ? `${whole} s` : `${(whole / 3600).toFixed(1)} h`;
};

const network: Check = {
  name: "chain.network",
  timeoutMs: 1_000,
  run(patient) {
    if (patient.settings.mock) return skip(MOCK);
    const { name, endpoints, expectedGenesis } = patient.nodes.network;
    const chain = expectedGenesis === undefined ? "any chain will do" : "its genesis is known";
    return ok(`${name}, ${counted(endpoints.length, "endpoint")}, ${chain}`);
  },
};

const endpoint: Check = {
  name: "chain.endpoint",
  timeoutMs: NODE_MS,
  needsNetwork: true,
  async run(patient) {
    if (patient.settings.mock) return skip(MOCK);
    const nodes = await patient.nodes.all();
    const isAnyOpen = nodes.some(isView);
    return nodes.map((node) => {
      if (isView(node)) return ok(`${node.endpoint} answers`);
      // Another one takes its place, so the validator starts.
      const { found, ...rest } = findingOf(node.error, isAnyOpen ? "warn" : "fail");
      return { ...rest, found: found.includes(node.endpoint) ? found : `${node.endpoint}: ${found}` };
    });
  },
};

const head = chainCheck("chain.head", (views) => {
  const isAnyGood = views.some(({ isSkewed, advances }) => !isSkewed || advances);
  return views.map((view) => {
    const where = `${view.endpoint}: block ${view.head}`;
    if (!view.isSkewed) return ok(`${where}, ${seconds(view.skewMs)} ${view.skewMs < 0 ? "ahead" : "old"}`);
    if (view.advances) return ok(`${where}, and new ones come`);
    const found = `${where} is ${seconds(view.skewMs)} ${view.skewMs < 0 ? "ahead of this machine" : "old"}, and no other came`;
    return isAnyGood ? warn(found, CHOOSE) : fail(found, CHOOSE);
  });
});

const clock = chainCheck("chain.clock", (views) => {
  const right = views.filter(({ isSkewed }) => !isSkewed);
  if (right.length > 0) {
    const least = right.reduce((a, b) => (Math.abs(a.skewMs) <= Math.abs(b.skewMs) ? a : b));
    return ok(`agrees with the chain (within ${seconds(least.skewMs)})`);
  }
  const live = views.find(({ advances }) => advances);
  if (live === undefined) return skip("no endpoint shows a new block to compare with");
  return fail(
    `this machine's clock is ${seconds(live.skewMs)} ${live.skewMs > 0 ? "ahead of" : "behind"} the chain: miners refuse requests of another time`,
    CLOCK_FIX,
  );
});

/** Of SubtensorModule, what no validator can do without. */
const STORAGE = ["uids", "keys", "validatorPermit", "lastUpdate", "weightsSetRateLimit", "tempo"];

const runtime = chainCheck("chain.runtime", (views) => {
  const [first, ...others] = views;
  const missing = STORAGE.filter((name) => !hasStorage(first!.connection.api, `subtensorModule.${name}`));
  if (missing.length > 0)
    return fail(
      `the runtime of ${first!.endpoint} has no ${missing.join(", no ")}: it is no subtensor node, or another age of it`,
      "Check --subtensor.chain_endpoint; a newer openvalidator may know this runtime.",
    );
  const { genesisHash, specVersion } = first!.connection;
  const strange = others.find(({ connection }) => connection.genesisHash !== genesisHash);
  if (strange !== undefined)
    return fail(
      `${first!.endpoint} and ${strange.endpoint} are nodes of two chains`,
      "Name endpoints of one chain with --subtensor.chain_endpoint.",
    );
  const versions = [...new Set(views.map(({ connection }) => connection.specVersion))];
  return versions.length === 1
    ? ok(`subtensor spec ${specVersion}`)
    : warn(
        `the endpoints run specs ${versions.join(" and ")}`,
        "One of them lags behind an upgrade, or forked.",
      );
});

export const CHAIN_CHECKS: readonly Check[] = [network, endpoint, head, clock, runtime];
