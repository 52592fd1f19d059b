import { afterEach, expect, test } from "bun:test";
import { type ApiPromise, WsProvider } from "@polkadot/api";
import { Metadata, TypeRegistry } from "@polkadot/types";
import { type Codec, decode, encode } from "../../src/localnet/node/codec.ts";
import { describeRuntime } from "../../src/localnet/node/description.ts";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import { API_DESCRIPTIONS } from "../../src/localnet/node/runtime-apis.ts";
import { fromHex, toHex } from "../../src/localnet/node/types.ts";
import recorded from "../golden/localnet-sdk-10.json";
import { alice, bob, connect, eve, FOUR, NETUID, plain, send, startManual } from "./node-fixture.ts";

const TAO = 1_000_000_000n;
let node: LocalNode | null = null;
let api: ApiPromise | null = null;
let provider: WsProvider | null = null;
afterEach(async () => {
  await api?.disconnect();
  await provider?.disconnect();
  await node?.stop();
  [api, provider, node] = [null, null, null];
});

async function open(options: Parameters<typeof startManual>[0] = {}): Promise<[LocalNode, ApiPromise]> {
  node = await startManual(options);
  api = await connect(node);
  return [node, api];
}
async function ask(method: string, ...params: unknown[]): Promise<string> {
  node ??= await startManual();
  provider ??= new WsProvider(node.endpoint);
  await provider.isReady;
  return (await provider.send(method, params)) as string;
}

test("shows the metadata that the Python clients count on: AccountId32 first, errors without a gap, types by name", () => {
  for (const bytes of Object.values(describeRuntime(424, 12_000))) {
    const { lookup, pallets } = new Metadata(new TypeRegistry(), bytes).asLatest;
    expect(String(lookup.types[0]!.type.path.at(-1))).toBe("AccountId32");
    const pallet = pallets.find(({ name }) => name.eq("SubtensorModule"))!;
    const errors = lookup.getSiType(pallet.errors.unwrap().type).def.asVariant.variants;
    expect(errors.map(({ index }) => index.toNumber())).toEqual(errors.map((_, place) => place));
    const calls = lookup.getSiType(pallet.calls.unwrap().type).def.asVariant.variants;
    for (const field of calls.flatMap(({ fields }) => [...fields])) expect(field.typeName.isSome).toBe(true);
  }
});

test("understands the calls that SDK 10 makes", async () => {
  const [, api] = await open();
  for (const { call, hex } of recorded.calls) {
    const read = api.registry.createType("Call", hex);
    expect([`${read.section}.${read.method}`, read.toHex()]).toEqual([
      call
        .replace("SubtensorModule", "subtensorModule")
        .replace("Balances", "balances")
        .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      hex as `0x${string}`,
    ]);
  }
});

test("answers what SDK 10 asks, whose hex has no 0x", async () => {
  for (const { method, input } of recorded.asked)
    expect([method, await ask("state_call", method, input)]).toEqual([
      method,
      await ask("state_call", method, `0x${input}`),
    ]);
  expect(await ask("chain_getHead")).toBe(await ask("chain_getBlockHash"));
});

test("answers every runtime API that it announces, in the form that it announces", async () => {
  // Zeros read as the root network, nobody's account, no list and no option, whatever the arguments are.
  const zeros = "00".repeat(200);
  for (const { name, methods } of API_DESCRIPTIONS)
    for (const method of methods) {
      const answer = await ask("state_call", `${name}_${method.name}`, zeros);
      const output = method.output as Codec<unknown>;
      expect(`0x${toHex(encode(output, decode(output, fromHex(answer.slice(2)))))}`).toBe(answer);
    }
});

test("says the same of a subnet by every API", async () => {
  const [, api] = await open({ tempo: 9, burnTao: 2 });
  const { subnetInfoRuntimeApi: subnet, swapRuntimeApi: swap } = api.call;
  const whole = (await plain(subnet!.getMetagraph!(NETUID))) as Record<string, unknown>;
  expect(whole).toMatchObject({
    tempo: 9,
    burn: 2e9,
    numUids: 4,
    hotkeys: FOUR.map(({ hotkey }) => hotkey),
    registrationAllowed: true,
  });
  expect(await plain(subnet!.getDynamicInfo!(NETUID))).toMatchObject({
    tempo: 9,
    taoIn: whole.taoIn as number,
    alphaIn: whole.alphaIn as number,
  });
  expect(await plain(subnet!.getSubnetInfo!(NETUID))).toMatchObject({ tempo: 9, burn: 2e9, subnetworkN: 4 });
  expect(await plain(subnet!.getSubnetHyperparamsV2!(NETUID))).toMatchObject({ tempo: 9, yumaVersion: 2 });
  const list = (await plain(subnet!.getSubnetHyperparamsV3!(NETUID))) as { name: string; value: unknown }[];
  const named = Object.fromEntries(
    list.map(({ name, value }) => [Buffer.from(name.slice(2), "hex").toString(), value]),
  );
  expect(named).toMatchObject({
    tempo: { u16: 9 },
    commit_reveal_weights_enabled: { bool: false },
    serving_rate_limit: { u64: 5 },
  });
  expect(await plain(subnet!.getMetagraph!(77))).toBeNull();
  expect(await plain(swap!.currentAlphaPrice!(NETUID))).toBe(1e9);
});

test("moves money: a transfer, a registration that is paid, stake and back", async () => {
  const [node, api] = await open({ burnTao: 2, purses: [{ address: alice.address, tao: 100 }] });
  const { subtensorModule, balances } = api.tx;
  const free = async (address: string) =>
    BigInt(((await plain(api.query.system!.account!(address))) as { data: { free: number } }).data.free);
  const register = subtensorModule!.burnedRegister!(NETUID, eve.address);
  expect((await send(api, node, register, eve)).error).toBe("NotEnoughBalanceToStake");
  expect(
    (await send(api, node, balances!.transferKeepAlive!(eve.address, 10n * TAO), alice)).events,
  ).toContain("balances.Transfer");
  expect(
    (await send(api, node, balances!.transferKeepAlive!(eve.address, 1000n * TAO), alice)).events,
  ).toContain("system.ExtrinsicFailed");
  expect((await send(api, node, register, eve)).events).toContain("subtensorModule.NeuronRegistered");
  expect([await free(alice.address), await free(eve.address)]).toEqual([90n * TAO, 8n * TAO]);

  const add = subtensorModule!.addStake!(bob.address, NETUID, 5n * TAO);
  expect((await send(api, node, add, eve)).events).toContain("subtensorModule.StakeAdded");
  const stakeOf = api.call.stakeInfoRuntimeApi!.getStakeInfoForColdkey!;
  expect(await plain(stakeOf(eve.address))).toMatchObject([
    { hotkey: bob.address, netuid: NETUID, stake: 5e9, isRegistered: true },
  ]);
  expect(await plain(api.query.subtensorModule!.totalHotkeyAlpha!(bob.address, NETUID))).toBe(1005e9);
  const remove = (tao: bigint) => subtensorModule!.removeStake!(bob.address, NETUID, tao * TAO);
  expect((await send(api, node, remove(6n), eve)).error).toBe("NotEnoughStakeToWithdraw");
  expect((await send(api, node, remove(5n), eve)).events).toContain("subtensorModule.StakeRemoved");
  expect(await plain(stakeOf(eve.address))).toEqual([]);
  expect(await free(eve.address)).toBe(8n * TAO);
  const notHis = subtensorModule!.burnedRegister!(NETUID, bob.address);
  expect((await send(api, node, notHis, eve)).error).toBe("HotKeyAlreadyRegisteredInSubNet");
});

test("does what the commands for people ask: register, serve on loopback, stake, permit, time; and refuses the rest in words", async () => {
  const [node] = await open();
  expect(await ask("localnet_register", eve.address)).toBe(4 as never);
  await ask("localnet_serve", eve.address, "127.0.0.1:8091");
  await ask("localnet_set", "stake", "4", "12.5");
  await ask("localnet_set", "permit", "4", "true");
  const neurons = (await ask("localnet_neurons")) as unknown as object[];
  expect(neurons[4]).toMatchObject({
    hotkey: eve.address,
    axon: "127.0.0.1:8091",
    stakeTao: 12.5,
    permit: true,
  });
  const before = node.head();
  await ask("localnet_set", "pause");
  expect(await ask("localnet_set", "step", "7")).toBe((before + 7) as never);
  for (const params of [
    ["stake", "9", "1"],
    ["permit", "4", "perhaps"],
    ["nonsense"],
    ["balance", "me", "1"],
  ])
    expect(ask("localnet_set", ...params)).rejects.toThrow();
  expect(ask("localnet_serve", bob.address, "[::1]:8091")).rejects.toThrow("an IPv4 address");
});
