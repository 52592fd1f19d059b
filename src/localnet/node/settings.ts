import { U16_MAX } from "../../base/units.ts";
import { raoOf } from "./genesis.ts";
import { MOST_MECHANISMS, setMechanisms } from "./mechanisms.ts";
import type { SubtensorEventValue } from "./outcome.ts";
import { numberOf, refusedRequest, switchOf } from "./request.ts";
import { accountOf } from "./rpc-params.ts";
import { setFreeBalance, setStake } from "./stakes.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import { NEWER } from "./storage-clients.ts";
import { swapHotkey } from "./swap.ts";
import { trimSubnet } from "./trim.ts";

/** What a running node can be told beside what is written straight into its state. */
export interface Controls {
  register(neuron: { hotkey: string; coldkey: string; stakeTao: number; validatorPermit: boolean }): number;
  head(): number;
  setCommitReveal(enabled: boolean): void;
  /** In the next block. */
  announce(event: SubtensorEventValue): void;
  setVersionKey(versionKey: bigint): void;
  setValidatorPermit(uid: number, permit: boolean): void;
  setBlockTime(ms: number): void;
  triggerEpoch(): void;
  upgradeRuntime(specVersion?: number): number;
  pause(): void;
  resume(): void;
  step(blocks: number): number;
}

/** What an administrator may turn, by name: the values that it takes, and what it does. */
export const SETTINGS = {
  tempo: ["BLOCKS", "Length of an epoch."],
  "commit-reveal": ["true|false", "Whether weights are committed first and revealed later."],
  "commit-version": ["NUMBER", "Version of commit-reveal that commits must name."],
  "version-key": ["NUMBER", "Least version that weights must carry."],
  stake: ["UID TAO", "Stake of a neuron."],
  permit: ["UID true|false", "Whether a neuron may validate."],
  consensus: [
    "Yuma|Null",
    "How weights are weighed; Null exempts neither the owner nor weights for oneself.",
  ],
  swap: ["UID HOTKEY", "Another hotkey takes over a neuron, as after btcli wallet swap-hotkey."],
  mechanisms: ["COUNT [PERCENT…]", "Number of mechanisms, and how they share the emission."],
  trim: ["UIDS", "Make the subnet smaller: who earned least goes, the others move together."],
  balance: ["ADDRESS TAO", "Free money of an account."],
  epoch: ["", "The next block runs an epoch."],
  upgrade: ["[SPEC]", "The runtime becomes a newer one."],
  pause: ["", "No block comes by itself."],
  step: ["[BLOCKS]", "Make blocks now."],
  resume: ["", "Blocks come by themselves again."],
  "block-time": ["SECONDS", "Pace of the blocks; a new runtime says so to clients."],
} as const;
export type SettingName = keyof typeof SETTINGS;

const MOST_TAO = 21_000_000;
const MOST_STEPS = 100_000;

/** @throws Failure `localnet.bad-request` */
export function applySetting(
  state: ChainState,
  netuid: number,
  controls: Controls,
  [name, ...values]: readonly string[],
): unknown {
  const count = state.read(SUBTENSOR.subnetworkN, netuid);
  const uid = (): number => numberOf(values[0], 0, count - 1);
  const tao = (): bigint => raoOf(numberOf(values[1], 0, MOST_TAO));
  if (name === undefined || !Object.hasOwn(SETTINGS, name))
    throw refusedRequest(
      `there is nothing named ${JSON.stringify(name)} to set; there are ${Object.keys(SETTINGS).join(", ")}`,
    );
  const [form] = SETTINGS[name as SettingName];
  const words = form === "" ? 0 : form.split(" ").length;
  if (values.length > words && !form.includes("…"))
    throw refusedRequest(`it is written ${`${name} ${form}`.trim()}`);
  switch (name as SettingName) {
    case "tempo":
      return state.set(SUBTENSOR.tempo, [netuid], numberOf(values[0], 1, U16_MAX));
    case "commit-reveal":
      return controls.setCommitReveal(switchOf(values[0]));
    case "commit-version":
      return state.set(SUBTENSOR.commitRevealWeightsVersion, [], numberOf(values[0], 0, U16_MAX));
    case "version-key":
      return controls.setVersionKey(BigInt(numberOf(values[0], 0, Number.MAX_SAFE_INTEGER)));
    case "stake": {
      const hotkey = state.read(SUBTENSOR.keys, netuid, uid());
      return setStake(state, { hotkey, coldkey: state.read(SUBTENSOR.owner, hotkey), netuid }, tao());
    }
    case "permit":
      return controls.setValidatorPermit(uid(), switchOf(values[1]));
    case "consensus": {
      const kind = (["Yuma", "Null"] as const).find((known) => known === values[0]);
      if (kind === undefined) throw refusedRequest("Yuma or Null is expected");
      return state.set(NEWER.subnetEpochConsensus, [netuid], { kind, fields: {} });
    }
    case "swap":
      return controls.announce(swapHotkey(state, netuid, uid(), accountOf(values[1])));
    case "mechanisms": {
      const [mechanisms, ...percents] = values;
      const shares = percents.map((percent) => numberOf(percent, 0, 100));
      return setMechanisms(state, netuid, numberOf(mechanisms, 1, MOST_MECHANISMS), shares);
    }
    case "trim":
      return trimSubnet(state, netuid, numberOf(values[0], 1, count), controls.head() + 1);
    case "balance":
      return setFreeBalance(state, accountOf(values[0]), tao());
    case "epoch":
      return controls.triggerEpoch();
    case "upgrade":
      return controls.upgradeRuntime(values[0] === undefined ? undefined : numberOf(values[0], 1, U16_MAX));
    case "pause":
      return controls.pause();
    case "step":
      return controls.step(numberOf(values[0] ?? 1, 1, MOST_STEPS));
    case "resume":
      return controls.resume();
    case "block-time":
      return controls.setBlockTime(numberOf(values[0], 0.1, 60) * 1000);
  }
}
