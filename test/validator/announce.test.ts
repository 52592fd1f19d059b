import { afterEach, expect, test } from "bun:test";
import { asBlock } from "../../src/base/units.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import { fetchMetagraph } from "../../src/chain/metagraph.ts";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import { AxonDuty, type AxonSettings } from "../../src/validator/announce.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { capturedLog } from "../captured-log.ts";
import { connect, NETUID, startChain } from "../chain/fixture.ts";

const log = capturedLog();
/** The first block of the public test network. */
const PUBLIC = "0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105";
const SETTINGS: AxonSettings = {
  netuid: NETUID,
  neuronAxonOff: false,
  axonExternalIp: "8.8.4.4",
  axonExternalPort: undefined,
  axonPort: 8091,
  dryRun: false,
};

let node: LocalNode;
let connection: ChainConnection;
let signer: HotkeySigner;
afterEach(async () => {
  await connection.close();
  await node.stop();
});

async function open(options: Partial<NodeOptions> = {}): Promise<void> {
  ({ node, signer } = await startChain({ servingRateLimit: 0, ...options }));
  connection = await connect(node.endpoint);
  // The hash of a first block that only looks like a public network's is none that a client computes: no era may begin with it.
  await connection.waitForBlock(4, 10_000);
}
const dutyOf = (more: Partial<AxonSettings> = {}, find?: () => Promise<string | undefined>) =>
  new AxonDuty({ ...SETTINGS, ...more }, connection, signer, find);
const axon = async () => (await fetchMetagraph(connection, NETUID)).axons[0]!;
const told = (): string[] => log.filter((line) => line.toLowerCase().includes("announced on chain"));

test("an address is announced once, and again only where the chain has lost it", async () => {
  await open();
  const duty = dutyOf({ axonExternalPort: 9000 });
  expect(duty.isDue(asBlock(5))).toBe(true);
  await duty.run(asBlock(5));
  expect(await axon()).toMatchObject({ ip: 0x08080404n, ipType: 4, port: 9000 });
  expect([duty.isDue(asBlock(304)), duty.isDue(asBlock(305))]).toEqual([false, true]);
  await duty.run(asBlock(305));
  expect(told()).toHaveLength(1);
  // As after a registration anew, which takes the axon away.
  await dutyOf({ axonPort: 1 }).run(asBlock(600));
  await duty.run(asBlock(605));
  expect(await axon()).toMatchObject({ port: 9000 });
});

test("an address that is asked for is announced anew when it has changed, IPv6 as well", async () => {
  await open({ genesisHash: PUBLIC });
  const answers = ["9.9.9.9", undefined, "2620:fe::fe"];
  const duty = dutyOf({ axonExternalIp: undefined }, async () => answers.shift());
  for (const block of [1, 301, 601]) {
    expect(duty.isDue(asBlock(block))).toBe(true);
    await duty.run(asBlock(block));
    expect(told().filter((line) => line.includes("Not announced"))).toEqual([]);
    if (block < 601) expect(await axon()).toMatchObject({ ip: 0x09090909n, ipType: 4, port: 8091 });
  }
  expect(await axon()).toMatchObject({ ip: 0x262000fe_00000000_00000000_000000fen, ipType: 6 });
  expect(told()).toEqual([
    expect.stringContaining("ip=9.9.9.9 port=8091 served=true"),
    expect.stringContaining("ip=2620:fe::fe port=8091 served=true before=9.9.9.9"),
  ]);
});

test("nothing is announced when it is switched off, in a dry run, or on a chain of one's own without an address", async () => {
  await open();
  const isDue = (more: Partial<AxonSettings>) => dutyOf(more).isDue(asBlock(5));
  expect(isDue({ neuronAxonOff: true })).toBe(false);
  expect(isDue({ dryRun: true })).toBe(false);
  expect(isDue({ axonExternalIp: undefined })).toBe(false);
});

test("what keeps it from being announced is told once, and a rate limit is waited out", async () => {
  await open({ servingRateLimit: 200 });
  await dutyOf().run(asBlock(5));
  const duty = dutyOf({ axonExternalIp: "8.8.8.8" });
  for (const block of [10, 20]) await duty.run(asBlock(block));
  const [first, ...others] = told().filter((line) => line.includes("Not announced"));
  expect(first).toContain("the address was announced too recently");
  expect(others).toEqual([]);
  expect(duty.isDue(asBlock(20 + 100))).toBe(false);
  expect(duty.isDue(asBlock(20 + 201))).toBe(true);
});

test("an external address that nobody can tell is told once", async () => {
  await open({ genesisHash: PUBLIC });
  const duty = dutyOf({ axonExternalIp: undefined }, async () => undefined);
  for (const block of [1, 301]) await duty.run(asBlock(block));
  expect(told()).toEqual([expect.stringContaining("the external address is unknown")]);
});
