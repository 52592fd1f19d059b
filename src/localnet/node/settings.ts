import { U16_MAX } from "../../base/units.ts";
import type { PalletError } from "./errors.ts";
import { raoOf } from "./genesis.ts";
import { MOST_MECHANISMS, setMechanisms } from "./mechanisms.ts";
import type { SubtensorEventValue } from "./outcome.ts";
import { LONGEST_REVEAL_PERIOD } from "./owner.ts";
import { numberOf, refusedRequest, switchOf, unexpected, wholeOf } from "./request.ts";
import { accountOf } from "./rpc-params.ts";
import { LONGEST_TEMPO_BLOCKS, setTempo } from "./schedule.ts";
import { SETTINGS, type SettingName } from "./setting-names.ts";
import { setFreeBalance, setStake } from "./stakes.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import { NEWER } from "./storage-clients.ts";
import { swapHotkey } from "./swap.ts";
import { trimSubnet } from "./trim.ts";
import type { AccountHex } from "./types.ts";

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

const SWAP_REFUSED: Partial<Record<PalletError, string>> = {
  NonAssociatedColdKey: "that hotkey is another coldkey's",
  NewHotKeyIsSameWithOld: "that is the hotkey that it has",
  HotKeyAlreadyRegisteredInSubNet: "that hotkey has a neuron already",
};
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
  const uid = (): number => wholeOf(values[0], 0, count - 1);
  const swap = (swapped: number, newHotkey: AccountHex): void => {
    const oldHotkey = state.read(SUBTENSOR.keys, netuid, swapped);
    const coldkey = state.read(SUBTENSOR.owner, oldHotkey);
    const outcome = swapHotkey(state, netuid, { coldkey, oldHotkey, newHotkey });
    if ("error" in outcome) throw refusedRequest(`${SWAP_REFUSED[outcome.error]} (${outcome.error})`);
    for (const event of outcome.events) controls.announce(event);
  };
  const tao = (): bigint => raoOf(numberOf(values[1], 0, MOST_TAO));
  if (name === undefined || !Object.hasOwn(SETTINGS, name))
    throw refusedRequest(
      `there is nothing named ${JSON.stringify(name)} to set; there are ${Object.keys(SETTINGS).join(", ")}`,
    );
  const [form] = SETTINGS[name as SettingName];
  const words = form === "" ? [] : form.split(" ");
  const least = words.filter((word) => !word.startsWith("[")).length;
  if (values.length < least || (values.length > words.length && !form.includes("…")))
    throw refusedRequest(`it is written ${`${name} ${form}`.trim()}`);
  switch (name as SettingName) {
    case "tempo":
      return setTempo(state, netuid, wholeOf(values[0], 1, LONGEST_TEMPO_BLOCKS), controls.head() + 1);
    case "commit-reveal":
      return controls.setCommitReveal(switchOf(values[0]));
    case "commit-version":
      return state.set(SUBTENSOR.commitRevealWeightsVersion, [], wholeOf(values[0], 0, U16_MAX));
    case "reveal-period":
      return state.set(SUBTENSOR.revealPeriodEpochs, [netuid], wholeOf(values[0], 1, LONGEST_REVEAL_PERIOD));
    case "rate-limit":
      return state.set(SUBTENSOR.weightsSetRateLimit, [netuid], wholeOf(values[0], 0, U16_MAX));
    case "min-weights":
      return state.set(SUBTENSOR.minAllowedWeights, [netuid], wholeOf(values[0], 0, U16_MAX));
    case "immunity":
      return state.set(SUBTENSOR.immunityPeriod, [netuid], wholeOf(values[0], 0, U16_MAX));
    case "version-key":
      return controls.setVersionKey(BigInt(wholeOf(values[0], 0, Number.MAX_SAFE_INTEGER)));
    case "stake": {
      const hotkey = state.read(SUBTENSOR.keys, netuid, uid());
      return setStake(state, { hotkey, coldkey: state.read(SUBTENSOR.owner, hotkey), netuid }, tao());
    }
    case "permit":
      return controls.setValidatorPermit(uid(), switchOf(values[1]));
    case "consensus": {
      const kind = (["Yuma", "Null"] as const).find((known) => known === values[0]);
      if (kind === undefined) throw unexpected("Yuma or Null", values[0]);
      return state.set(NEWER.subnetEpochConsensus, [netuid], { kind, fields: {} });
    }
    case "swap":
      return swap(uid(), accountOf(values[1]));
    case "mechanisms": {
      const [mechanisms, ...percents] = values;
      const shares = percents.map((percent) => numberOf(percent, 0, 100));
      return setMechanisms(state, netuid, wholeOf(mechanisms, 1, MOST_MECHANISMS), shares);
    }
    case "trim":
      return trimSubnet(state, netuid, wholeOf(values[0], 1, count), controls.head() + 1);
    case "balance":
      return setFreeBalance(state, accountOf(values[0]), tao());
    case "epoch":
      return controls.triggerEpoch();
    case "upgrade":
      return controls.upgradeRuntime(values[0] === undefined ? undefined : wholeOf(values[0], 1, U16_MAX));
    case "pause":
      return controls.pause();
    case "step":
      return controls.step(wholeOf(values[0] ?? 1, 1, MOST_STEPS));
    case "resume":
      return controls.resume();
    case "block-time":
      return controls.setBlockTime(numberOf(values[0], 0.1, 60) * 1000);
  }
}
