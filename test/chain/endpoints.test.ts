import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sleep } from "../../src/base/deadline.ts";
import { Failure, isFailure } from "../../src/base/error.ts";
import { ChainConnection } from "../../src/chain/connection.ts";
import { EndpointBook } from "../../src/chain/endpoint-book.ts";
import { EndpointWatch } from "../../src/chain/endpoint-watch.ts";
import { fetchMetagraph } from "../../src/chain/metagraph.ts";
import { openOne } from "../../src/chain/open-one.ts";
import type { Endpoint } from "../../src/localnet/node/endpoint.ts";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import { capturedLog } from "../captured-log.ts";
import { NETUID, startChain, until } from "./fixture.ts";

const lines = capturedLog();
let node: LocalNode;
beforeAll(async () => {
  ({ node } = await startChain());
});
afterAll(() => node.stop());

/** An endpoint of the node that answers requests of this method with an error. */
function refusing(method: string): Endpoint {
  const endpoint = node.openEndpoint();
  endpoint.fault(`error:${method}`);
  return endpoint;
}

const sentenceOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "it worked",
    (error: unknown) => (error instanceof Failure ? error.message : String(error)),
  );

/** Pauses that are kept track of and not made. */
function quickPace() {
  const pauses: number[] = [];
  let now = 0;
  const sleep = async (ms: number): Promise<void> => {
    if (ms > 0) pauses.push(ms);
    now += ms;
    await Bun.sleep(1);
  };
  return { pauses, pace: { sleep, nowMs: () => now, random: () => 0.5 } };
}

describe("an endpoint whose calls fail though it shows blocks (C1)", () => {
  test("is left for the next after three of them, by the very reading that met them", async () => {
    const relay = node.openEndpoint();
    const connection = await ChainConnection.connect({ endpoints: [relay.endpoint, node.endpoint] });
    // Not from the beginning: the metadata is read by such a call, too.
    relay.fault("error:state_call");
    expect(connection.endpoint).toBe(relay.endpoint);
    expect((await fetchMetagraph(connection, NETUID)).hotkeys).toHaveLength(3);
    expect(connection.endpoint).toBe(node.endpoint);
    await connection.close();
    await relay.stop();
  });

  test("is kept while weights are on their way, and left after", async () => {
    const relay = node.openEndpoint();
    const connection = await ChainConnection.connect({ endpoints: [relay.endpoint, node.endpoint] });
    // Not from the beginning: the metadata is read by such a call, too.
    relay.fault("error:state_call");
    await connection.hold(async () => {
      for (let call = 0; call < 4; call++) await sentenceOf(fetchMetagraph(connection, NETUID));
      expect(connection.endpoint).toBe(relay.endpoint);
    });
    await connection.ready();
    expect(connection.endpoint).toBe(node.endpoint);
    await connection.close();
    await relay.stop();
  });
});

test("an endpoint is kept though blocks of an hour ago are gone from it (a reveal that nobody saw)", async () => {
  const relay = node.openEndpoint();
  const changes: unknown[] = [];
  const connection = await ChainConnection.connect({
    endpoints: [relay.endpoint, node.endpoint],
    onState: (change) => changes.push(change),
  });
  const old = await connection.ask("reading a hash", (api) => api.rpc.chain.getBlockHash(1));
  node.step(310);
  for (let call = 0; call < 5; call++)
    expect(await sentenceOf(connection.ask("looking back", async (api) => await api.at(old)))).toContain(
      "looking back failed",
    );
  expect(changes).toHaveLength(1);
  expect(connection.endpoint).toBe(relay.endpoint);
  await connection.close();
  await relay.stop();
});

test("nothing in the place of an answer is no subnet without neurons: the next endpoint is asked", async () => {
  const relay = node.openEndpoint();
  const connection = await ChainConnection.connect({ endpoints: [relay.endpoint, node.endpoint] });
  relay.fault("empty:state_call");
  expect((await fetchMetagraph(connection, NETUID)).hotkeys).toHaveLength(3);
  expect(connection.endpoint).toBe(node.endpoint);
  await connection.close();
  await relay.stop();
});

describe("a node with an old head (C2)", () => {
  test("is passed over for one with a fresh head, also when it does not say that it is behind", async () => {
    const old = await startChain({ nowMs: () => Date.now() - 600_000 });
    old.node.produceBlock();
    const connection = await ChainConnection.connect({ endpoints: [old.node.endpoint, node.endpoint] });
    expect(connection.endpoint).toBe(node.endpoint);
    await connection.close();
    await old.node.stop();
  });

  test("is taken when there is no other, for it may be this machine's clock that is wrong", async () => {
    const old = await startChain({ nowMs: () => Date.now() - 600_000 });
    old.node.produceBlock();
    const states: string[] = [];
    const connection = await ChainConnection.connect({
      endpoints: [old.node.endpoint],
      onState: ({ state }) => states.push(state),
    });
    expect(states).toEqual(["lagging", "connected"]);
    expect(lines.join("")).toContain("No endpoint of the chain has a fresh block");
    await connection.close();
    await old.node.stop();
  });
});

describe("a refusal while an endpoint opens (C4)", () => {
  for (const method of ["state_subscribeRuntimeVersion", "chain_subscribeNewHead", "chain_getHeader"])
    test(`of ${method} counts against it, and the next is taken`, async () => {
      const relay = refusing(method);
      const connection = await ChainConnection.connect({ endpoints: [relay.endpoint, node.endpoint] });
      expect(connection.endpoint).toBe(node.endpoint);
      await connection.close();
      await relay.stop();
    });
});

test("a node that fails at the runtime's own metadata is not used with the older one, which cannot read a subnet", async () => {
  const relay = node.openEndpoint();
  let asked = 0;
  relay.alter = ({ id, params, text }) => {
    if (params[0] !== "Metadata_metadata_at_version") return text;
    // As a node that is busy for a moment; once more is asked in any case.
    if (++asked === 2) relay.heal();
    return JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32_603, message: "busy" } });
  };
  const connection = await ChainConnection.connect({ endpoints: [relay.endpoint] });
  expect((await fetchMetagraph(connection, NETUID)).hotkeys).toHaveLength(3);
  expect(lines.join("")).toContain("metadata in part only");
  await connection.close();
  await relay.stop();
});

describe("a node that drops every connection soon (C5)", () => {
  test("is tried ever less often, though each attempt succeeds", async () => {
    const relay = node.openEndpoint();
    const { pauses, pace } = quickPace();
    const connection = await ChainConnection.connect({ endpoints: [relay.endpoint], pace });
    for (let time = 1; time <= 5; time++) {
      relay.fault("drop");
      await until(() => relay.connections === time + 1);
      await connection.ready();
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000]);
    await connection.close();
    await relay.stop();
  });
});

describe("an endpoint that takes the connection and answers nothing", () => {
  test("holds up no other: the next is opened beside it, and it is let go", async () => {
    const silent = node.openEndpoint();
    silent.fault("hang");
    const book = new EndpointBook([silent.endpoint, node.endpoint]);
    const { opened } = await openOne({
      book,
      watch: new EndpointWatch(),
      first: silent.endpoint,
      rules: () => ({ head: 0 }),
      aheadMs: 50,
      pause: sleep,
      signal: undefined,
    });
    expect(opened.session.endpoint).toBe(node.endpoint);
    // It was not waited for, so that nothing speaks against it.
    expect(book.pauseMs(silent.endpoint)).toBe(0);
    opened.session.close();
    await silent.stop();
  });

  test("and fails after all is tried again before another one whose pause is longer", async () => {
    const silent = node.openEndpoint();
    silent.fault("hang");
    const book = new EndpointBook([silent.endpoint, node.endpoint]);
    book.failed(node.endpoint, { leastMs: 60_000 });
    const opening = openOne({
      book,
      watch: new EndpointWatch(),
      first: silent.endpoint,
      rules: () => ({ head: 0 }),
      aheadMs: 1,
      pause: sleep,
      signal: undefined,
    });
    await until(() => silent.connections === 1);
    // The other one is waited for by now.
    await Bun.sleep(50);
    silent.heal();
    silent.fault("drop");
    const { opened } = await opening;
    expect(opened.session.endpoint).toBe(silent.endpoint);
    opened.session.close();
    await silent.stop();
  });

  test("is waited for where it is the only one, and the wait ends with the signal", async () => {
    const silent = node.openEndpoint();
    silent.fault("hang");
    const stop = new AbortController();
    const opening = openOne({
      book: new EndpointBook([silent.endpoint]),
      watch: new EndpointWatch(),
      first: silent.endpoint,
      rules: () => ({ head: 0 }),
      aheadMs: 1,
      pause: sleep,
      signal: stop.signal,
    });
    await until(() => silent.connections === 1);
    stop.abort();
    expect(await sentenceOf(opening)).toContain("closed");
    await silent.stop();
  });
});

describe("what keeps an endpoint from opening is named (C5)", () => {
  const answering = (status: number, headers: Record<string, string> = {}) =>
    Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("no", { status, headers }) });
  const attempt = async (endpoint: string) => {
    const { pauses, pace } = quickPace();
    const sentence = await sentenceOf(
      ChainConnection.connect({ endpoints: [endpoint], pace, patienceMs: 0 }),
    );
    return { sentence, pauses };
  };

  test("a status with what it means, and the pause that the server asks for is kept", async () => {
    const server = answering(429, { "retry-after": "7" });
    const { sentence, pauses } = await attempt(`ws://127.0.0.1:${server.port}`);
    expect(sentence).toContain("HTTP status 429: too many requests");
    expect(pauses).toEqual([7000, 7000]);
    await server.stop(true);
    const bad = answering(502);
    expect((await attempt(`ws://127.0.0.1:${bad.port}`)).sentence).toContain("502: its node is down");
    await bad.stop(true);
  });

  test("nobody who listens, a name that is none, and no TLS", async () => {
    expect((await attempt("ws://127.0.0.1:9")).sentence).toContain("nothing listens there");
    expect((await attempt("ws://no-such-host.invalid")).sentence).toContain("cannot be resolved (DNS)");
    expect((await attempt(node.endpoint.replace("ws:", "wss:"))).sentence).toContain("does not speak TLS");
  });

  test("an error that names no request is an answer to the oldest one", async () => {
    const relay = node.openEndpoint();
    const connection = await ChainConnection.connect({ endpoints: [relay.endpoint] });
    relay.alter = ({ id, text }) =>
      id !== undefined
        ? JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_005, message: "rate limit" } })
        : text;
    const error = await fetchMetagraph(connection, NETUID).catch((thrown: unknown) => thrown);
    expect(isFailure(error, "chain.unreachable") && error.message).toContain("-32005: rate limit");
    await connection.close();
    await relay.stop();
  });
});

test("a connection at rest asks nothing: blocks come by themselves", async () => {
  const connection = await ChainConnection.connect({ endpoints: [node.endpoint] });
  const before = connection.requests;
  expect(before).toBeLessThan(20);
  expect(await connection.waitForBlock(connection.head() + 3, 10_000)).toBe(true);
  expect(connection.requests).toBe(before);
  await connection.close();
});

describe("a preferred endpoint that is well again", () => {
  /** A connection that fell back from the relay to the node, and the clock of its book. */
  async function fallenBack() {
    let now = 0;
    const relay = node.openEndpoint();
    const states: string[] = [];
    const connection = await ChainConnection.connect({
      endpoints: [relay.endpoint, node.endpoint],
      pace: { nowMs: () => now, random: () => 0.5, sleep: () => Bun.sleep(1) },
      onState: ({ state, detail }) => states.push(detail === null ? state : `${state}: ${detail}`),
    });
    relay.fault("drop");
    await until(() => connection.endpoint === node.endpoint);
    await connection.ready();
    states.length = 0;
    const look = async (minutes: number, mayLeave = () => true): Promise<number> => {
      now += minutes * 60_000;
      const before = connection.requests;
      if (connection.isSecondChoice()) await connection.preferEndpoint(mayLeave);
      return connection.requests - before;
    };
    const end = async (): Promise<void> => {
      await connection.close();
      await relay.stop();
    };
    return { connection, relay, states, look, end };
  }

  test("is returned to after two looks of one request each, told once, and the connection works on", async () => {
    const { connection, relay, states, look, end } = await fallenBack();
    expect(await look(1)).toBe(0);
    expect(await look(4)).toBe(1);
    expect(await look(1)).toBe(0);
    expect(connection.endpoint).toBe(node.endpoint);
    await look(4);
    expect(connection.endpoint).toBe(relay.endpoint);
    expect(states).toEqual(["switched: it is named before the one in use, and well again"]);
    expect(lines.join("").match(/is gone back to/g)).toHaveLength(1);
    expect((await fetchMetagraph(connection, NETUID)).hotkeys).toHaveLength(3);
    expect(await connection.waitForBlock(connection.head() + 2, 10_000)).toBe(true);
    expect(await look(60)).toBe(0);
    await end();
  });

  test("is not returned to while a submission is under way, nor when a window came while it opened", async () => {
    const { connection, relay, look, end } = await fallenBack();
    await look(5);
    expect(await connection.hold(() => look(5))).toBe(0);
    let asked = 0;
    await look(5, () => ++asked < 2);
    expect(asked).toBe(2);
    expect(connection.endpoint).toBe(node.endpoint);
    await look(5);
    expect(connection.endpoint).toBe(relay.endpoint);
    await end();
  });

  test("is left alone while it is behind the one in use, or does not answer", async () => {
    const { connection, relay, look, end } = await fallenBack();
    relay.alter = ({ id, text }) =>
      id !== undefined ? JSON.stringify({ jsonrpc: "2.0", id, result: { number: "0x0" } }) : text;
    node.produceBlock();
    await connection.waitForBlock(6, 10_000);
    for (let time = 0; time < 3; time++) await look(90);
    relay.alter = ({ text }) => text;
    relay.fault("error:chain_getHeader");
    for (let time = 0; time < 3; time++) await look(90);
    expect(connection.endpoint).toBe(node.endpoint);
    await end();
  });
});
