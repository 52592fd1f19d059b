import { afterEach, describe, expect, test } from "bun:test";
import { WsProvider } from "@polkadot/api";
import { isFailure } from "../../src/base/error.ts";
import { parseFault } from "../../src/localnet/node/fault-words.ts";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import { SUBTENSOR } from "../../src/localnet/node/storage.ts";
import { askLocalnet } from "../../src/localnet/remote.ts";
import { advanceTo, alice, connect, NETUID, plain, refused, send, startManual } from "./node-fixture.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function started(options: Partial<NodeOptions> = {}): Promise<LocalNode> {
  const node = await startManual(options);
  closers.push(() => node.stop());
  return node;
}

async function opened(node: { endpoint: string }): Promise<WsProvider> {
  const provider = new WsProvider(node.endpoint, false);
  closers.push(() => provider.disconnect());
  await provider.connect();
  await provider.isReady;
  return provider;
}

/** What a bare socket hears in place of the answer to a question. */
async function heard(node: { endpoint: string }, method: string, params: unknown[] = []): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = new WebSocket(node.endpoint);
  closers.push(() => socket.close());
  socket.onopen = () => socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
  socket.onmessage = ({ data }) => resolve(String(data));
  socket.onclose = () => resolve("closed");
  return await promise;
}

const number = async (provider: WsProvider): Promise<number> =>
  Number((await provider.send<{ number: string }>("chain_getHeader", [])).number);

describe("an endpoint", () => {
  test("says what its faults make of an answer, and the truth when it is healed", async () => {
    const node = await started();
    const truth = await heard(node, "system_chain");
    expect(truth).toContain("Bittensor localnet");
    const said: Record<string, string> = {};
    for (const fault of ["garbage", "empty", "error", "cut", "error:system_chain", "error:system_name"]) {
      node.first.fault(fault);
      said[fault] = await heard(node, "system_chain");
      expect(node.first.heal()).toEqual([fault]);
    }
    expect(said).toEqual({
      garbage: expect.stringContaining("502 Bad Gateway"),
      empty: '{"jsonrpc":"2.0","id":1,"result":null}',
      error: '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Internal error"}}',
      cut: "closed",
      "error:system_chain": expect.stringContaining("-32603"),
      "error:system_name": truth,
    });
    expect(await heard(node, "system_chain")).toBe(truth);
  });

  test("lies about its first block only, and about whether it has caught up", async () => {
    const node = await started();
    node.produceBlock();
    node.first.fault("lie");
    node.first.fault("syncing");
    const provider = await opened(node);
    expect(await provider.send("chain_getBlockHash", [0])).not.toBe(node.genesisHash);
    expect(await provider.send("chain_getBlockHash", [])).toBe(await provider.send("chain_getHead", []));
    expect(await provider.send("system_health", [])).toMatchObject({ isSyncing: true });
    node.first.heal("lie");
    expect(await provider.send("chain_getBlockHash", [0])).toBe(node.genesisHash);
    expect(node.first.faults()).toEqual(["syncing"]);
  });

  test("refuses with a status, hangs, cuts, while another endpoint of the same chain and its own controls work", async () => {
    const node = await started();
    const other = node.openEndpoint();
    const provider = await opened(node);
    const lost = new Promise((resolve) => provider.on("disconnected", () => resolve("lost")));
    node.first.fault("refuse:429");
    expect(await lost).toBe("lost");
    const answer = await fetch(node.endpoint.replace("ws:", "http:"), {
      headers: { upgrade: "websocket", connection: "upgrade" },
    });
    expect(answer.status).toBe(429);
    expect(await heard(other, "system_name")).toContain("openvalidator-localnet");
    expect(await askLocalnet(node.endpoint, "localnet_faults")).toEqual(["refuse:429"]);
    expect(await askLocalnet(node.endpoint, "localnet_heal")).toEqual(["refuse:429"]);
    const { result } = JSON.parse(await heard(node, "chain_getHead"));
    expect(result).toBe(JSON.parse(await heard(other, "chain_getHead")).result);
  });

  test("that hangs does what it is told and says nothing", async () => {
    const node = await started();
    const api = await connect(node);
    closers.push(() => api.disconnect());
    node.first.fault("hang");
    const heardBack: string[] = [];
    await new Promise<void>((resolve) => {
      node.first.onRequest = ({ method }) => {
        if (method === "author_submitAndWatchExtrinsic") queueMicrotask(resolve);
      };
      const transaction = api.tx.subtensorModule!.setWeights!(NETUID, [2], [1], 0);
      const sent = transaction.signAndSend(alice, { nonce: 0, era: 0 }, ({ status }) => {
        heardBack.push(status.type);
      });
      // It ends with the connection.
      sent.catch(() => undefined);
    });
    node.produceBlock();
    node.first.heal();
    expect((await api.query.subtensorModule!.weights!(NETUID, 0)).toJSON()).toEqual([[2, 65_535]]);
    expect(heardBack).toEqual([]);
  });

  test("shows an older chain when it lags, and no newer one when it is frozen", async () => {
    const node = await started();
    advanceTo(node, 30);
    const provider = await opened(node);
    const heads: number[] = [];
    await provider.subscribe("chain_newHead", "chain_subscribeNewHeads", [], (_error, header) =>
      heads.push(Number(header.number)),
    );
    node.first.fault("lag:12");
    expect(await number(provider)).toBe(18);
    expect(await provider.send("chain_getBlockHash", [19])).toBeNull();
    expect(await provider.send("chain_getFinalizedHead", [])).toBe(
      await provider.send("chain_getBlockHash", [18]),
    );
    node.produceBlock();
    expect(await number(provider)).toBe(19);
    node.first.heal();
    node.first.fault("freeze");
    advanceTo(node, 40);
    expect(await number(provider)).toBe(31);
    node.first.heal("freeze");
    node.produceBlock();
    expect(await number(provider)).toBe(41);
    expect(heads).toEqual([30, 19, 31, 41]);
  });

  test("errs as often as it was told", async () => {
    let next = 0;
    const node = await started({ random: () => (next++ % 10) / 10 });
    node.first.fault("empty:chain_getHead:30%");
    const provider = await opened(node);
    const answers: unknown[] = [];
    for (let question = 0; question < 20; question++) answers.push(await provider.send("chain_getHead", []));
    expect(answers.filter((answer) => answer === null)).toHaveLength(6);
  });

  test("is slow", async () => {
    const node = await started();
    node.first.fault("slow:0.2");
    const before = performance.now();
    expect(await heard(node, "system_chain")).toContain("localnet");
    expect(performance.now() - before).toBeGreaterThan(190);
  });
});

describe("the chain", () => {
  test("finalizes nothing during a stall, and all of it after", async () => {
    const node = await started();
    const provider = await opened(node);
    const finalized = async (): Promise<number> => {
      const hash = await provider.send<string>("chain_getFinalizedHead", []);
      return Number((await provider.send<{ number: string }>("chain_getHeader", [hash])).number);
    };
    advanceTo(node, 5);
    node.first.fault("finality-stall");
    advanceTo(node, 20);
    expect(await finalized()).toBe(3);
    node.first.heal();
    node.produceBlock();
    expect(await finalized()).toBe(19);
  });

  test("publishes no round while its beacon is silent", async () => {
    let now = Date.now();
    const node = await started({ nowMs: () => now });
    const api = await connect(node);
    closers.push(() => api.disconnect());
    const round = async (): Promise<number> => Number(await api.query.drand!.lastStoredRound!());
    const first = await round();
    node.first.fault("beacon-stall");
    now += 5_000;
    node.produceBlock();
    expect(await round()).toBe(first);
    node.first.heal();
    node.produceBlock();
    expect(await round()).toBe(first + 5);
  });

  test("ends a call with the error that was asked for, as often as asked, in a block or at the pool", async () => {
    const node = await started({ weightsRateLimit: 0 });
    const api = await connect(node);
    closers.push(() => api.disconnect());
    const set = () =>
      send(api, node, api.tx.subtensorModule!.setMechanismWeights!(NETUID, 0, [2], [1], 0), alice);
    node.first.fault("set_weights:NeuronNoValidatorPermit:1");
    expect((await set()).error).toBe("NeuronNoValidatorPermit");
    expect((await set()).error).toBeNull();
    node.first.fault("set_weights:SettingWeightsTooFast:pool");
    expect(await refused(set())).toBe("1010: Custom error: 6");
    node.first.heal();
    expect((await set()).error).toBeNull();
  });
});

test("a call that is filtered, as in safe mode, ends with the error of the filter, and its twin runs", async () => {
  const node = await started({ weightsRateLimit: 0 });
  const api = await connect(node);
  closers.push(() => api.disconnect());
  const calls = api.tx.subtensorModule!;
  node.first.fault("set_mechanism_weights:CallFiltered");
  expect(await send(api, node, calls.setMechanismWeights!(NETUID, 0, [2], [1], 0), alice)).toEqual({
    events: ["system.ExtrinsicFailed"],
    error: "CallFiltered",
  });
  expect((await send(api, node, calls.setWeights!(NETUID, [2], [1], 0), alice)).error).toBeNull();
});

test("who watches storage hears all that changed while an endpoint stood still", async () => {
  const node = await started();
  const provider = await opened(node);
  const seen: (string | null)[] = [];
  const heard = Promise.withResolvers<void>();
  const key = `0x${SUBTENSOR.tempo.key(NETUID)}`;
  await provider.subscribe("state_storage", "state_subscribeStorage", [[key]], (_, { changes }) => {
    seen.push(changes[0][1]);
    if (seen.length === 2) heard.resolve();
  });
  node.first.fault("freeze");
  await askLocalnet(node.endpoint, "localnet_set", "tempo", 7);
  node.produceBlock();
  node.produceBlock();
  node.first.heal();
  node.produceBlock();
  await heard.promise;
  expect(seen).toEqual(["0x1400", "0x0700"]);
});

test("a reorganisation puts others in the place of blocks, without what was in them", async () => {
  const node = await started();
  const api = await connect(node);
  closers.push(() => api.disconnect());
  const calls = api.tx.subtensorModule!;
  advanceTo(node, 5);
  const statuses: string[] = [];
  const [inBlock, retracted] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()];
  const set = calls.setMechanismWeights!(NETUID, 0, [2], [1], 0);
  await set.signAndSend(alice, { nonce: -1 }, ({ status }) => {
    statuses.push(status.type);
    if (status.isReady) node.produceBlock();
    if (status.isInBlock) inBlock.resolve(status.asInBlock.toHex());
    if (status.isRetracted) retracted.resolve();
  });
  const gone = await inBlock.promise;
  const weights = async () => await plain(api.query.subtensorModule!.weights!(NETUID, 0));
  expect(await weights()).toEqual([[2, 65_535]]);
  const provider = await opened(node);
  const seen: (string | null)[] = [];
  const heard = Promise.withResolvers<void>();
  const key = `0x${SUBTENSOR.weights.key(NETUID, 0)}`;
  await provider.subscribe("state_storage", "state_subscribeStorage", [[key]], (_, { changes }) => {
    seen.push(changes[0][1]);
    if (seen.length === 2) heard.resolve();
  });
  node.first.fault("reorg");
  await retracted.promise;
  await heard.promise;
  expect(node.head()).toBe(7);
  expect(seen[1]).toBeNull();
  expect(await weights()).toEqual([]);
  expect(await provider.send("chain_getBlock", [gone])).toBeNull();
  expect(await provider.send("chain_getBlockHash", [6])).not.toBe(gone);
  expect(node.first.faults()).toEqual([]);
  // What is final stays.
  const final = await provider.send("chain_getFinalizedHead", []);
  expect(node.reorganise(200)).toBe(8);
  expect(await provider.send("chain_getHeader", [final])).not.toBeNull();
  expect((await send(api, node, set, alice)).error).toBeNull();
});

test("an empty batch is answered as no request, and a full one in its order", async () => {
  const node = await started();
  const said = async (text: string): Promise<unknown> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = new WebSocket(node.endpoint);
    closers.push(() => socket.close());
    socket.onopen = () => socket.send(text);
    socket.onmessage = ({ data }) => resolve(String(data));
    return JSON.parse(await promise);
  };
  const refusal = { jsonrpc: "2.0", id: null, error: { code: -32_600, message: "Invalid request" } };
  expect(await said("[]")).toEqual(refusal);
  expect(await said('[{"id":1,"method":"system_name"},7]')).toEqual([
    { jsonrpc: "2.0", id: 1, result: "openvalidator-localnet" },
    refusal,
  ]);
});

test("a fault that there is not is refused with what there is", () => {
  const reason = (text: string): string => {
    try {
      return JSON.stringify(parseFault(text));
    } catch (error) {
      return isFailure(error, "localnet.bad-request") ? error.message : String(error);
    }
  };
  expect(reason("hung")).toContain("there are refuse, hang, slow");
  expect(reason("hung")).toContain("drop");
  expect(reason("lag:1000")).toContain("lag[:BLOCKS] takes a number from 1 to 250");
  expect(reason("lag:5:6")).toContain("it is written lag[:BLOCKS]");
  expect(reason("cut:200%")).toContain("it is written cut[:METHOD][:N%]");
  expect(reason("lie:now")).toContain("it is written lie");
  expect(reason("finality-stall:5")).toContain("takes nothing");
  expect(reason("drop")).toBe('{"kind":"drop"}');
  for (const none of ["slow:", "slow:0x5", "lag:1e1", "refuse:404.5", "set_weights:DuplicateUids:1e1"])
    expect(reason(none)).toContain("No such fault");
  expect(reason("reorg:0")).toContain("reorg[:BLOCKS] takes a number from 1 to 250");
  expect(reason("drop:5")).toContain("takes nothing");
  expect(reason("set_weight:SettingWeightsTooFast")).toContain("there are set_weights,");
  expect(reason("set_weights:CallFiltered:pool")).toContain("the pool takes calls");
  expect(reason("set_weights:SettingTooFast")).toContain("SettingWeightsTooFast");
  expect(reason("set_weights:SettingWeightsTooFast:often")).toContain("CALL:ERROR[:pool][:TIMES]");
});
