import { asHotkey, asUid } from "../base/units.ts";
import type { Reply } from "../base/vocabulary.ts";
import { chainAddress } from "../miners/address.ts";
import { Dendrite } from "../miners/ask.ts";
import type { HotkeySigner } from "../wallet/signer.ts";
import type { NeuronView } from "./node/admin.ts";
import { numberOf, refusedRequest, wholeOf } from "./node/request.ts";

const MS = 1000;
const LONGEST_S = 600;
/** Of the program, to miners that log it. */
const VERSION = "localnet";

/**
 * Asks miners in the name of the validator, with the requests that a run sends and the same reading of what comes back.
 * @param params question, seconds that an answer may take, uids (none = all that serve)
 * @throws Failure `localnet.bad-request` for a uid that there is not or that does not serve
 */
export async function askMiners(
  neurons: readonly NeuronView[],
  signer: HotkeySigner,
  [prompt, seconds, ...uids]: readonly unknown[],
): Promise<Reply[]> {
  const named = uids.map((uid) => neurons[wholeOf(uid, 0, neurons.length - 1)]!);
  const asked = uids.length > 0 ? named : neurons.filter(({ axon }) => axon !== null);
  if (asked.length === 0) throw refusedRequest("nobody serves there");
  const targets = asked.map(({ uid, hotkey, axon }) => {
    if (axon === null) throw refusedRequest(`uid ${uid} does not serve; localnet serve writes where it does`);
    const [ip = "", port] = axon.split(":");
    return { uid: asUid(uid), hotkey: asHotkey(hotkey), axon: { ...chainAddress(ip), port: Number(port) } };
  });
  const policy = { allowPrivate: true, ownAddresses: new Set<string>() };
  return await new Dendrite({ signer, policy, version: VERSION }).ask(
    targets,
    { roles: ["user"], messages: [String(prompt)] },
    { timeoutMs: numberOf(seconds, 0.1, LONGEST_S) * MS },
  );
}
