import { afterAll, beforeAll, expect, test } from "bun:test";
import { isFailure } from "../../src/base/error.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import { fetchMetagraph } from "../../src/chain/metagraph.ts";
import { serveAxon } from "../../src/chain/serve.ts";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { connect, NETUID, signerOf, startChain } from "./fixture.ts";

/** A documentation address (RFC 5737): the chain takes it and nobody owns it. */
const IP = 0xc0000201n;
const RATE_LIMIT = 6;

let node: LocalNode;
let signer: HotkeySigner;
let miner: HotkeySigner;
let connection: ChainConnection;
beforeAll(async () => {
  ({ node, signer, miner } = await startChain({ servingRateLimit: RATE_LIMIT }));
  connection = await connect(node.endpoint);
});
afterAll(async () => {
  await connection.close();
  await node.stop();
});

const announcement = { netuid: NETUID, ip: IP, ipType: 4, port: 8091 };

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return isFailure(error) ? error.code : String(error);
}

test("an address is announced once, skipped while it is the same, and bounded in rate when it changes", async () => {
  expect(await serveAxon(connection, signer, announcement)).toBe(true);
  const { axons } = await fetchMetagraph(connection, NETUID);
  expect(axons[0]).toMatchObject({ ip: IP, ipType: 4, port: 8091, protocol: 4 });
  expect(await serveAxon(connection, signer, announcement)).toBe(false);

  const moved = { ...announcement, port: 8092 };
  const error = await serveAxon(connection, signer, moved).catch((thrown: unknown) => thrown);
  if (!isFailure(error)) throw error;
  expect(error.code).toBe("chain.rate-limited");
  const blocksLeft = error.retryInBlocks!;
  expect(blocksLeft).toBeGreaterThan(0);
  await connection.waitForBlock(connection.head() + blocksLeft, 10_000);
  expect(await serveAxon(connection, signer, moved)).toBe(true);
});

test("an IPv6 address keeps all its bits", async () => {
  const ip = 0x20010db8_00000000_00000000_00000001n;
  await serveAxon(connection, miner, { ...announcement, ip, ipType: 6 });
  const { axons } = await fetchMetagraph(connection, NETUID);
  expect(axons[1]).toMatchObject({ ip, ipType: 6 });
});

test("an announcement that the chain does not take is refused with the chain's reason", async () => {
  const stranger = await signerOf(90);
  expect(await codeOf(serveAxon(connection, stranger, announcement))).toBe("chain.not-registered");
  const third = await signerOf(3);
  const bad = { loopback: { ip: 0x7f000001n }, port: { port: 0 }, kind: { ipType: 5 } };
  for (const more of Object.values(bad))
    expect(await codeOf(serveAxon(connection, third, { ...announcement, ...more }))).toMatch(
      /^chain\.(serve|pool)-refused$/,
    );
});
