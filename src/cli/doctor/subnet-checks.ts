import { isPublicGenesis } from "../../chain/networks.ts";
import { specVersion } from "../../config/version.ts";
import { chainAddress, judgeAddress } from "../../miners/address.ts";
import { describeMechanism, describeMechanisms } from "../../validator/own-mechanisms.ts";
import { type Check, type Finding, fail, ok, skip, warn } from "./check.ts";
import { NODE_MS } from "./nodes.ts";
import type { Patient } from "./patient.ts";
import type { SubnetFacts } from "./subnet-view.ts";

/** Endpoints first, then the metagraph and the stake that the chain asks for. */
const SUBNET_MS = NODE_MS + 45_000;
/** Weights that are older than so many periods were not renewed when they should have been. */
const LATE_PERIODS = 3;

interface Own extends SubnetFacts {
  uid: number;
}

function subnetCheck(
  name: string,
  run: (facts: SubnetFacts, patient: Patient) => Finding | Promise<Finding>,
): Check {
  return {
    name,
    timeoutMs: SUBNET_MS,
    needsNetwork: true,
    async run(patient) {
      if (patient.settings.mock) return skip("--mock makes a subnet of its own");
      const facts = await (name === EXISTS ? patient.subnet.facts() : patient.subnet.factsOrNone());
      return facts === undefined ? skip("the subnet cannot be read") : await run(facts, patient);
    },
  };
}

/** A check of this very neuron. */
function ownCheck(name: string, run: (own: Own, patient: Patient) => Finding): Check {
  return subnetCheck(name, async (facts, patient) => {
    const uid = await uidOf(facts, patient);
    return uid === undefined ? skip("this hotkey has no uid") : run({ ...facts, uid }, patient);
  });
}

async function uidOf({ metagraph }: SubnetFacts, patient: Patient): Promise<number | undefined> {
  const hotkey = await patient.hotkey();
  const uid = hotkey === undefined ? -1 : metagraph.hotkeys.indexOf(hotkey);
  return uid < 0 ? undefined : uid;
}

const EXISTS = "subnet.exists";

const exists = subnetCheck(EXISTS, ({ metagraph }, { settings }) => {
  const { hotkeys, hyperparameters } = metagraph;
  return hotkeys.length === 0
    ? fail(`netuid ${settings.netuid} has no neuron`, "Check --netuid and --subtensor.network.")
    : ok(
        `netuid ${settings.netuid}: ${hotkeys.length} neurons, tempo ${hyperparameters.tempo}, weights ${hyperparameters.commitRevealEnabled ? "committed and revealed" : "set in the open"}`,
      );
});

const registration = subnetCheck("subnet.registration", async (facts, patient) => {
  const hotkey = await patient.hotkey();
  if (hotkey === undefined) return skip("the wallet tells no address");
  const uid = await uidOf(facts, patient);
  return uid === undefined
    ? fail(
        `the hotkey ${hotkey} is not registered on netuid ${patient.settings.netuid}`,
        "Register it with `btcli subnet register`, or check --netuid and --wallet.hotkey.",
      )
    : ok(`uid ${uid}, since block ${facts.metagraph.blockAtRegistration[uid]}`);
});

const permit = ownCheck("subnet.permit", ({ metagraph, uid }) =>
  metagraph.validatorPermit[uid]
    ? ok("held")
    : fail(
        "this hotkey holds no validator permit",
        `Permits go to the most stake once per epoch (${metagraph.hyperparameters.tempo} blocks); ${leastOf(metagraph)}.`,
      ),
);

/** What the weakest of those who hold a permit has. */
function leastOf({ validatorPermit, stakeTao }: SubnetFacts["metagraph"]): string {
  const stakes = [...stakeTao].filter((_, uid) => validatorPermit[uid]);
  return stakes.length === 0
    ? "nobody holds one yet"
    : `the weakest holder has ${Math.min(...stakes).toFixed(1)} TAO`;
}

const stake = ownCheck("subnet.stake", ({ metagraph, uid, stakeThresholdTao }) => {
  const own = metagraph.stakeTao[uid] ?? 0;
  if (own < stakeThresholdTao)
    return fail(
      `${own.toFixed(1)} TAO; this chain takes no weights below ${stakeThresholdTao}`,
      "Stake more TAO on the hotkey.",
    );
  const asked = stakeThresholdTao > 0 ? `, and ${stakeThresholdTao} are asked for` : "";
  return ok(`${own.toFixed(1)} TAO${asked}; ${leastOf(metagraph)}`);
});

const mechanisms = subnetCheck("subnet.mechanisms", ({ shares }, { settings }) => {
  const chosen = settings.neuronMecid.map((mecid) => ({ mecid, of: shares.length, share: shares[mecid] }));
  const missing = chosen.filter(({ share }) => share === undefined);
  return missing.length > 0
    ? fail(
        `--neuron.mecid names ${missing.map(describeMechanism).join(", ")}, counted from 0`,
        "Check --neuron.mecid; the subnet's owner can change their number.",
      )
    : ok(describeMechanisms({ mechanisms: chosen }) ?? "the subnet has one");
});

const version = subnetCheck("subnet.version", ({ metagraph }, { settings }) => {
  const asked = metagraph.hyperparameters.weightsVersion;
  const own = settings.neuronVersionKey ?? specVersion();
  return asked > own
    ? fail(
        `the subnet asks for version key ${asked} of weights, ours is ${own}`,
        "Update openvalidator, or set --neuron.version_key if the owner says so.",
      )
    : ok(`version key ${own}, and the subnet asks for ${asked}`);
});

const weights = ownCheck("subnet.weights", ({ metagraph, uid, node }, { settings }) => {
  if (settings.neuronDisableSetWeights || settings.neuronMockDendritePool) return ok("none are set, as told");
  const last = metagraph.lastUpdate[uid] ?? 0;
  if (last <= metagraph.blockAtRegistration[uid]!) return ok("none set yet");
  const { tempo, weightsRateLimit } = metagraph.hyperparameters;
  const age = Math.max(0, metagraph.block - last);
  const period = Math.max(settings.neuronEpochLengthOverride || tempo, weightsRateLimit);
  const minutes = Math.round((age * node.connection.blockTimeMs) / 60_000);
  const found = `last set in block ${last}, ${age} blocks ago (${minutes} min); a validator sets them every ${period}`;
  return age > LATE_PERIODS * period
    ? warn(
        found,
        "Where a validator runs, its log says why; else start it before the subnet drops this hotkey.",
      )
    : ok(found);
});

const axon = ownCheck("subnet.axon", ({ metagraph, uid, node }, { settings }) => {
  const { ip, ipType, port } = metagraph.axons[uid]!;
  const judged = ip === 0n ? undefined : judgeAddress({ ip, ipType, port }, OPEN_POLICY);
  const shown = judged?.ok
    ? judged.authority
    : judged === undefined
      ? "none"
      : `one that is no address (${judged.reason})`;
  if (settings.neuronAxonOff) return ok(`${shown} is announced, and --neuron.axon_off leaves it so`);
  if (settings.axonExternalIp === undefined && !isPublicGenesis(node.connection.genesisHash))
    return ok(`${shown} is announced; a chain of one's own needs none`);
  const wantedPort = settings.axonExternalPort ?? settings.axonPort;
  const isWanted =
    ip !== 0n &&
    port === wantedPort &&
    (settings.axonExternalIp === undefined || chainAddress(settings.axonExternalIp).ip === ip);
  return ok(
    isWanted ? `${shown} is announced` : `${shown} is announced; the next start announces port ${wantedPort}`,
  );
});

/** Shows whatever stands on chain; nothing is called. */
const OPEN_POLICY = { allowPrivate: true, ownAddresses: new Set<string>() };

export const SUBNET_CHECKS: readonly Check[] = [
  exists,
  registration,
  permit,
  stake,
  mechanisms,
  version,
  weights,
  axon,
];
