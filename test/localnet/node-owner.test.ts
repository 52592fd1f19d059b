import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ApiPromise } from "@polkadot/api";
import type { SubmittableExtrinsic } from "@polkadot/api/types";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import { askLocalnet } from "../../src/localnet/remote.ts";
import {
  alice,
  bob,
  charlie,
  connect,
  dave,
  eve,
  key,
  NETUID,
  plain,
  refused,
  send,
  startManual,
} from "./node-fixture.ts";

const ferdie = key("Ferdie");
const U64_MAX = "18446744073709551615";

let node: LocalNode;
let api: ApiPromise;
beforeEach(async () => {
  node = await startManual({ owner: alice.address, servingRateLimit: 0 });
  api = await connect(node);
});
afterEach(async () => {
  await api.disconnect();
  await node.stop();
});

const sudo = (name: string, value: unknown, by = alice) =>
  send(api, node, api.tx.adminUtils![name]!(NETUID, value), by);
const read = (name: string) => plain(api.query.subtensorModule![name]!(NETUID));

describe("the owner of a subnet", () => {
  test("turns what he may, nobody else does, and every change is told", async () => {
    expect((await sudo("sudoSetTempo", 9, bob)).events).toEqual(["system.ExtrinsicFailed"]);
    expect(await read("tempo")).toBe(20);
    const changes = [
      ["sudoSetTempo", 9, "tempo", "TempoSet"],
      ["sudoSetServingRateLimit", 3, "servingRateLimit", "ServingRateLimitSet"],
      ["sudoSetWeightsVersionKey", 4, "weightsVersionKey", "WeightsVersionKeySet"],
      ["sudoSetWeightsSetRateLimit", 5, "weightsSetRateLimit", "WeightsSetRateLimitSet"],
      ["sudoSetImmunityPeriod", 6, "immunityPeriod", "ImmunityPeriodSet"],
      ["sudoSetMinAllowedWeights", 2, "minAllowedWeights", "MinAllowedWeightSet"],
      ["sudoSetMaxAllowedUids", 9, "maxAllowedUids", "MaxAllowedUidsSet"],
      ["sudoSetMaxAllowedValidators", 8, "maxAllowedValidators", "MaxAllowedValidatorsSet"],
      ["sudoSetNetworkRegistrationAllowed", false, "networkRegistrationAllowed", "RegistrationAllowed"],
      ["sudoSetCommitRevealWeightsEnabled", true, "commitRevealWeightsEnabled", "CommitRevealEnabled"],
      ["sudoSetCommitRevealWeightsInterval", 2, "revealPeriodEpochs", "CommitRevealPeriodsSet"],
    ] as const;
    for (const [call, value, item, event] of changes) {
      expect((await sudo(call, value)).events).toContain(`subtensorModule.${event}`);
      expect([item, await read(item)]).toEqual([item, value]);
    }
    expect((await sudo("sudoSetMechanismCount", 2)).error).toBeNull();
    expect((await sudo("sudoTrimToMaxAllowedUids", 3)).error).toBeNull();
    expect(node.neurons()).toHaveLength(3);
    const { registerNetwork, registerNetworkWithIdentity, setTempo } = api.tx.subtensorModule!;
    for (const network of [
      registerNetwork!(charlie.address),
      registerNetworkWithIdentity!(charlie.address, { subnetName: "mine" }),
    ])
      expect((await send(api, node, network, charlie)).error).toBe("SubnetLimitReached");
    expect((await send(api, node, setTempo!(NETUID, 12), bob)).events).toEqual(["system.ExtrinsicFailed"]);
    expect((await send(api, node, setTempo!(NETUID, 12), alice)).error).toBeNull();
    expect(await read("tempo")).toBe(12);
  });

  test("is held to the bounds of the runtime", async () => {
    const wrong = [
      ["sudoSetTempo", 0, "TempoOutOfBounds"],
      ["sudoSetTempo", 50_401, "TempoOutOfBounds"],
      ["sudoSetMaxAllowedUids", 0, "MaxAllowedUidsLessThanMinAllowedUids"],
      ["sudoSetMaxAllowedUids", 3, "MaxAllowedUIdsLessThanCurrentUIds"],
      ["sudoSetMaxAllowedValidators", 257, "MaxValidatorsLargerThanMaxUIds"],
      ["sudoSetCommitRevealWeightsInterval", 0, "RevealPeriodTooSmall"],
      ["sudoSetCommitRevealWeightsInterval", 101, "RevealPeriodTooLarge"],
      ["sudoSetCommitRevealWeightsInterval", U64_MAX, "RevealPeriodTooLarge"],
      ["sudoSetMechanismCount", 0, "InvalidValue"],
      ["sudoSetMechanismCount", 17, "InvalidValue"],
      ["sudoTrimToMaxAllowedUids", 0, "InvalidValue"],
      ["sudoTrimToMaxAllowedUids", 257, "InvalidValue"],
    ] as const;
    for (const [call, value, error] of wrong)
      expect([call, value, (await sudo(call, value)).error]).toEqual([call, value, error]);
    expect([await read("subnetworkN"), await read("mechanismCountCurrent")]).toEqual([4, 1]);
  });

  test("sets a limit that never ends, and it does not wrap round to none", async () => {
    expect((await sudo("sudoSetServingRateLimit", U64_MAX)).error).toBeNull();
    const serve = (): SubmittableExtrinsic<"promise"> =>
      api.tx.subtensorModule!.serveAxon!(NETUID, 1, 0x7f00_0002n, 80, 4, 4, 0, 0);
    expect((await send(api, node, serve(), charlie)).error).toBeNull();
    expect(await refused(send(api, node, serve(), charlie))).toBe("1010: Custom error: 12");
  });

  test("makes the epoch begin anew with another tempo", async () => {
    await sudo("sudoSetTempo", 9);
    expect(await read("lastEpochBlock")).toBe(node.head());
    await askLocalnet(node.endpoint, "localnet_set", "tempo", 30);
    node.produceBlock();
    expect([await read("tempo"), await read("lastEpochBlock")]).toEqual([30, node.head()]);
  });
});

test("an administrator turns the same by name", async () => {
  const set = (...words: unknown[]) => askLocalnet(node.endpoint, "localnet_set", ...words);
  const turned = [
    ["reveal-period", 2, "revealPeriodEpochs"],
    ["rate-limit", 7, "weightsSetRateLimit"],
    ["min-weights", 3, "minAllowedWeights"],
    ["immunity", 9, "immunityPeriod"],
    ["tempo", 11, "tempo"],
    ["version-key", 5, "weightsVersionKey"],
  ] as const;
  for (const [name, value] of turned) await set(name, value);
  node.produceBlock();
  for (const [name, value, item] of turned) expect([name, await read(item)]).toEqual([name, value]);
  await expect(set("reveal-period", 101)).rejects.toThrow("a whole number from 1 to 100");
});

describe("a swap of hotkeys", () => {
  const swap = (...words: unknown[]) => askLocalnet(node.endpoint, "localnet_set", "swap", ...words);

  test("is refused to a hotkey that has a neuron, is another's, or is the same", async () => {
    await expect(swap(1, dave.address)).rejects.toThrow("NonAssociatedColdKey");
    await expect(swap(1, bob.address)).rejects.toThrow("NewHotKeyIsSameWithOld");
    await askLocalnet(node.endpoint, "localnet_register", eve.address, bob.address);
    await expect(swap(1, eve.address)).rejects.toThrow("HotKeyAlreadyRegisteredInSubNet");
    expect(node.neurons().map(({ hotkey }) => hotkey)).toEqual(
      [alice, bob, charlie, dave, eve].map(({ address }) => address),
    );
  });

  test("is a coldkey's call, in this subnet or in all", async () => {
    const { swapHotkey } = api.tx.subtensorModule!;
    const calls = [
      [swapHotkey!(bob.address, eve.address, NETUID), alice, "NonAssociatedColdKey"],
      [swapHotkey!(bob.address, eve.address, 77), bob, "SubnetNotExists"],
      [swapHotkey!(eve.address, bob.address, null), eve, "HotKeyNotRegisteredInSubNet"],
      [swapHotkey!(bob.address, eve.address, null), bob, null],
    ] as const;
    for (const [call, by, error] of calls) expect((await send(api, node, call, by)).error).toBe(error);
    expect(node.neurons()[1]).toMatchObject({ hotkey: eve.address, coldkey: bob.address, stakeTao: 1000 });
    const again = await send(api, node, swapHotkey!(eve.address, ferdie.address, NETUID), bob);
    expect(again.events).toContain("subtensorModule.HotkeySwappedOnSubnet");
    expect(node.neurons()[1]).toMatchObject({ hotkey: ferdie.address, stakeTao: 1000 });
  });

  test("takes along stake and commits", async () => {
    node.setCommitReveal(true);
    const commit = api.tx.subtensorModule!.commitWeights!(NETUID, `0x${"77".repeat(32)}`);
    expect((await send(api, node, commit, bob)).error).toBeNull();
    await swap(1, eve.address);
    node.produceBlock();
    const commits = async (hotkey: string) =>
      (await plain(api.query.subtensorModule!.weightCommits!(NETUID, hotkey))) as unknown[] | null;
    expect([await commits(bob.address), (await commits(eve.address))?.length]).toEqual([null, 1]);
    expect(node.neurons()[1]).toMatchObject({ hotkey: eve.address, stakeTao: 1000 });
  });
});
