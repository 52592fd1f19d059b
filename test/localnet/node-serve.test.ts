import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ApiPromise } from "@polkadot/api";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import {
  alice,
  charlie,
  connect,
  dave,
  eve,
  NETUID,
  plain,
  refused,
  send,
  startManual,
} from "./node-fixture.ts";

const PUBLIC_IP = 0x0808_0808n;
const SERVING_RATE_LIMIT = 5;
let node: LocalNode;
let api: ApiPromise;

beforeAll(async () => {
  node = await startManual({ servingRateLimit: SERVING_RATE_LIMIT });
  api = await connect(node);
});
afterAll(async () => {
  await api.disconnect();
  await node.stop();
});

const serve = (ip: bigint, port: number, ipType: number) =>
  api.tx.subtensorModule!.serveAxon!(NETUID, 720, ip, port, ipType, 4, 0, 0);

test("stores the axon of a registered hotkey with the block it was served in", async () => {
  const { events, error } = await send(api, node, serve(PUBLIC_IP, 8091, 4), charlie);
  expect(error).toBeNull();
  expect(events).toEqual(["subtensorModule.AxonServed", "system.ExtrinsicSuccess"]);
  expect(await plain(api.query.subtensorModule!.axons!(NETUID, charlie.address))).toEqual({
    block: node.head(),
    version: 720,
    ip: Number(PUBLIC_IP),
    port: 8091,
    ipType: 4,
    protocol: 4,
    placeholder1: 0,
    placeholder2: 0,
  });
});

test("refuses a second serve within the rate limit and takes it after", async () => {
  expect(await refused(send(api, node, serve(PUBLIC_IP, 8092, 4), charlie))).toBe("1010: Custom error: 12");
  for (let blocks = 1; blocks < SERVING_RATE_LIMIT; blocks++) node.produceBlock();
  expect((await send(api, node, serve(PUBLIC_IP, 8092, 4), charlie)).error).toBeNull();
});

test("refuses an unregistered hotkey before it looks at anything else", async () => {
  expect(await refused(send(api, node, serve(0x7f00_0001n, 0, 9), eve))).toBe("1010: Custom error: 10");
});

test("refuses bad ip types, addresses and ports, in this order", async () => {
  const refusedWith = (ip: bigint, port: number, ipType: number) =>
    refused(send(api, node, serve(ip, port, ipType), dave));
  expect(await refusedWith(0x7f00_0001n, 0, 5)).toBe("1010: Custom error: 255");
  expect(await refusedWith(0x7f00_0001n, 0, 4)).toBe("1010: Custom error: 11");
  expect(await refusedWith(0xffff_ffffn, 8091, 4)).toBe("1010: Custom error: 11");
  expect(await refusedWith(1n, 8091, 6)).toBe("1010: Custom error: 11");
  expect(await refusedWith((1n << 128n) - 1n, 8091, 6)).toBe("1010: Custom error: 11");
  expect(await refusedWith(PUBLIC_IP, 0, 4)).toBe("1010: Custom error: 13");
});

test("takes address zero, which means that nobody serves", async () => {
  expect((await send(api, node, serve(0n, 1, 4), alice)).error).toBeNull();
});
