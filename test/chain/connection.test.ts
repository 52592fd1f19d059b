import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Failure, isFailure } from "../../src/base/error.ts";
import { ChainConnection } from "../../src/chain/connection.ts";
import { fetchMetagraph } from "../../src/chain/metagraph.ts";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import { BLOCK_MS, connect, NETUID, startChain, until } from "./fixture.ts";

/** Some ten blocks: a stall in a test must not wait as long as one on the public chain. */
const STALL_MS = 1_500;
/** A port where nobody listens. */
const NOBODY = "ws://127.0.0.1:9";

let node: LocalNode;
beforeAll(async () => {
  ({ node } = await startChain());
});
afterAll(() => node.stop());

async function codeOf(work: Promise<unknown>): Promise<string | null> {
  return work.then(
    () => null,
    (error: unknown) => (error instanceof Failure ? error.code : String(error)),
  );
}

describe("a connection", () => {
  test("knows the chain and follows its head upwards", async () => {
    const connection = await connect(node.endpoint);
    expect(connection.genesisHash).toBe(node.genesisHash);
    expect(connection.blockTimeMs).toBe(BLOCK_MS);
    expect(connection.specVersion).toBe(node.specVersion);
    const seen: number[] = [];
    const stop = connection.onHead((block) => seen.push(block));
    await until(() => seen.length >= 3);
    stop();
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect<number>(connection.head()).toBeGreaterThanOrEqual(seen.at(-1)!);
    expect(await connection.waitForBlock(connection.head() + 2, 10_000)).toBe(true);
    expect(await connection.waitForBlock(connection.head() + 1_000_000, 10)).toBe(false);
    await connection.close();
  });

  test("keeps following when a listener throws", async () => {
    const connection = await connect(node.endpoint);
    const seen: number[] = [];
    connection.onHead(() => {
      throw new Error("a bug elsewhere");
    });
    connection.onHead((block) => seen.push(block));
    await until(() => seen.length >= 2);
    await connection.close();
  });

  test("goes to the next endpoint when one is dead or belongs to another chain", async () => {
    const other = await startChain();
    const connection = await ChainConnection.connect({
      endpoints: [NOBODY, other.node.endpoint, node.endpoint],
      expectedGenesis: node.genesisHash,
    });
    expect(connection.endpoint).toBe(node.endpoint);
    await connection.close();
    const wrong = connectTo(other.node.endpoint, node.genesisHash);
    expect(await codeOf(wrong)).toBe("chain.wrong-genesis");
    await other.node.stop();
  });

  test("says that a chain cannot be reached", async () => {
    const error = await connect(NOBODY).catch((thrown: unknown) => thrown);
    if (!isFailure(error)) throw error;
    expect(error.code).toBe("chain.unreachable");
    expect(error.message).toContain(NOBODY);
    expect(error.hint).toBeDefined();
  });

  test("gives up at once when it is no longer wanted", async () => {
    expect(await codeOf(connectTo(NOBODY, undefined, AbortSignal.abort()))).toBe("chain.closed");
  });

  test("lets go of a node that hangs, while it opens and while it opens again", async () => {
    const relay = node.openEndpoint();
    relay.fault("hang");
    const stop = new AbortController();
    const opening = connectTo(relay.endpoint, undefined, stop.signal);
    await until(() => relay.connections === 1);
    stop.abort();
    expect(await codeOf(opening)).toBe("chain.closed");

    relay.heal();
    const connection = await connect(relay.endpoint);
    relay.fault("hang");
    relay.fault("drop");
    await until(() => relay.connections === 3);
    await connection.close();
    expect(await codeOf(connection.ready())).toBe("chain.closed");
    await relay.stop();
  });

  test("ends every request after it was closed", async () => {
    const connection = await connect(node.endpoint);
    await connection.close();
    await connection.close();
    expect(await codeOf(fetchMetagraph(connection, NETUID))).toBe("chain.closed");
  });
});

function connectTo(
  endpoint: string,
  expectedGenesis?: string,
  signal?: AbortSignal,
): Promise<ChainConnection> {
  return ChainConnection.connect({ endpoints: [endpoint], expectedGenesis, signal });
}

describe("a connection that is lost", () => {
  test("knows nothing of what is final until the node tells it anew, and so of no stall", async () => {
    const relay = node.openEndpoint();
    const connection = await connect(relay.endpoint);
    await until(() => connection.finalized() !== undefined);
    const lags: number[] = [];
    connection.onHead((block) => lags.push(block - (connection.finalized() ?? block)));
    relay.fault("hang");
    relay.fault("drop");
    node.step(40);
    const head = connection.head();
    relay.heal();
    relay.fault("drop");
    await until(() => connection.head() > head + 40 && connection.finalized() !== undefined);
    expect(Math.max(...lags)).toBeLessThan(10);
    await connection.close();
    await relay.stop();
  });

  test("is made again, and what is asked meanwhile waits for it", async () => {
    const connection = await connect(node.endpoint);
    const old = connection.api;
    const heads: number[] = [];
    connection.onHead((block) => heads.push(block));
    node.first.fault("drop");
    await until(() => !old.isConnected);
    const metagraph = await fetchMetagraph(connection, NETUID);
    expect(metagraph.hotkeys).toHaveLength(3);
    expect(connection.api).not.toBe(old);
    const before = heads.length;
    await until(() => heads.length > before + 1);
    await connection.close();
  });

  test("does not cost the reading that was under way: it is tried again when the connection stands", async () => {
    const relay = node.openEndpoint();
    const connection = await connect(relay.endpoint);
    relay.fault("hang");
    const asked = fetchMetagraph(connection, NETUID);
    await Bun.sleep(BLOCK_MS);
    relay.heal();
    relay.fault("drop");
    expect((await asked).hotkeys).toHaveLength(3);
    await connection.close();
    await relay.stop();
  });

  const garbage = {
    "an error page": "<html>502 Bad Gateway</html>",
    "a JSON null": "null",
    "a message of no known form": '{"jsonrpc":"2.0","method":5,"params":7}',
    "an answer with a broken error": '{"jsonrpc":"2.0","id":1,"error":"no"}',
  };
  for (const [what, instead] of Object.entries(garbage)) {
    test(`survives ${what} in the place of an answer`, async () => {
      const relay = node.openEndpoint();
      const connection = await ChainConnection.connect({ endpoints: [relay.endpoint, node.endpoint] });
      relay.alter = () => instead;
      await until(() => connection.endpoint === node.endpoint);
      expect((await fetchMetagraph(connection, NETUID)).hotkeys).toHaveLength(3);
      await connection.close();
      await relay.stop();
    });
  }

  test("is noticed when the socket is open but no block comes, and left for the next endpoint", async () => {
    const relay = node.openEndpoint();
    const connection = await ChainConnection.connect({
      endpoints: [relay.endpoint, node.endpoint],
      stallMs: STALL_MS,
    });
    expect(connection.endpoint).toBe(relay.endpoint);
    relay.fault("hang");
    await until(() => connection.endpoint === node.endpoint);
    const head = connection.head();
    expect(await connection.waitForBlock(head + 2, 10_000)).toBe(true);
    await connection.close();
    await relay.stop();
  });
});

describe("an upgrade of the runtime", () => {
  test("is read by the new connection only: what the old one is refused of it ends nothing", async () => {
    const relay = node.openEndpoint();
    const connection = await ChainConnection.connect({ endpoints: [relay.endpoint] });
    relay.fault("error:state_getMetadata");
    const spec = node.upgradeRuntime();
    node.produceBlock();
    await until(() => connection.specVersion === spec);
    expect((await fetchMetagraph(connection, NETUID)).hotkeys).toHaveLength(3);
    await connection.close();
    await relay.stop();
  });

  test("brings a new api that still knows the runtime calls", async () => {
    const connection = await connect(node.endpoint);
    const old = connection.api;
    const spec = node.upgradeRuntime();
    await until(() => connection.specVersion === spec);
    expect(connection.api).not.toBe(old);
    expect(connection.api.call.subnetInfoRuntimeApi?.getSelectiveMetagraph).toBeDefined();
    expect((await fetchMetagraph(connection, NETUID)).hotkeys).toHaveLength(3);
    const head = connection.head();
    expect(await connection.waitForBlock(head + 2, 10_000)).toBe(true);
    await connection.close();
  });

  test("twice in a row ends at the last version", async () => {
    const connection = await connect(node.endpoint);
    node.upgradeRuntime();
    const spec = node.upgradeRuntime();
    await until(() => connection.specVersion === spec);
    expect((await fetchMetagraph(connection, NETUID)).netuid).toBe(NETUID);
    await connection.close();
  });
});
