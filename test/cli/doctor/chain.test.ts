import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { Nodes } from "../../../src/cli/doctor/nodes.ts";
import { loadConfiguration } from "../../../src/config/load.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { type LocalNode, startNode } from "../../../src/localnet/node/node.ts";
import { createWallet } from "../../../src/wallet/create.ts";
import { scratchFolders } from "../../scratch.ts";
import { examined } from "./doctor-line.ts";

const folder = scratchFolders("doctor-chain");
const root = folder();
const SLOT_MS = 250;

let node: LocalNode;
let hotkey: string;
let stranger: string;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  hotkey = (await createWallet(root, "w", "h")).hotkey;
  stranger = (await createWallet(root, "w", "other")).hotkey;
  node = await started({});
});
afterAll(async () => {
  for (const close of closers) await close();
});

/** A subnet of one validator and one miner. */
async function started(
  options: Partial<Parameters<typeof startNode>[0]>,
  isPermitted = true,
): Promise<LocalNode> {
  const one = await startNode({
    accounts: [
      { hotkey, coldkey: hotkey, stakeTao: 100, validatorPermit: isPermitted },
      {
        hotkey: (await createWallet(folder(), "m", "m")).hotkey,
        coldkey: hotkey,
        stakeTao: 0,
        validatorPermit: false,
      },
    ],
    blockTimeMs: SLOT_MS,
    ...options,
  });
  closers.push(() => one.stop());
  return one;
}

const words = (endpoint: string, ...more: string[]): string[] => [
  "--subtensor.chain_endpoint",
  endpoint,
  "--wallet.path",
  root,
  "--wallet.name",
  "w",
  "--logging.logging_dir",
  join(root, "logs"),
  "--neuron.device",
  "cpu",
  "--wandb.off",
  "--metrics.port",
  "0",
  ...(more.includes("--wallet.hotkey") ? [] : ["--wallet.hotkey", "h"]),
  ...more,
];

/** A server of raw sockets. */
async function serving(onConnection: Parameters<typeof createServer>[1]): Promise<string> {
  const server: Server = createServer({}, onConnection);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
}

function webSocketServer(onOpen: (send: (text: string | Uint8Array) => void) => void): string {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, own) => (own.upgrade(request) ? undefined : new Response("no", { status: 404 })),
    websocket: { open: (socket) => onOpen((text) => void socket.send(text)), message: () => {} },
  });
  closers.push(() => server.stop(true));
  return `ws://127.0.0.1:${server.port}`;
}

test("a validator that lacks nothing is healthy", async () => {
  const { exitCode, having, one, stderr } = await examined(words(node.endpoint));
  expect(having("fail")).toEqual([]);
  expect(having("warn")).toEqual([]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(one("chain.runtime")?.found).toBe(`subtensor spec ${node.specVersion}`);
  expect(one("subnet.registration")?.found).toStartWith("uid 0, since block 0");
  expect(one("subnet.permit")?.status).toBe("ok");
  expect(one("subnet.stake")?.found).toBe("100.0 TAO; the weakest holder has 100.0 TAO");
  expect(one("subnet.weights")?.found).toBe("none set yet");
  expect(one("chain.clock")?.found).toStartWith("agrees with the chain");
});

test("what the subnet says no to is told with what mends it", async () => {
  const outsider = await examined(words(node.endpoint, "--wallet.hotkey", "other"));
  expect(outsider.exitCode).toBe(1);
  expect(outsider.having("fail")).toEqual(["subnet.registration"]);
  expect(outsider.one("subnet.registration")).toMatchObject({
    found: `the hotkey ${stranger} is not registered on netuid 1`,
    fix: expect.stringContaining("btcli subnet register"),
  });
  expect(outsider.one("subnet.permit")?.status).toBe("skip");

  const elsewhere = await examined(words(node.endpoint, "--netuid", "77"));
  expect(elsewhere.having("fail")).toEqual(["subnet.exists"]);
  expect(elsewhere.one("subnet.exists")?.found).toContain("there is no subnet 77");

  const poor = await started({ stakeThresholdTao: 1000, versionKey: 999_999n }, false);
  const refused = await examined(words(poor.endpoint));
  expect(refused.having("fail")).toEqual(["subnet.permit", "subnet.stake", "subnet.version"]);
  expect(refused.one("subnet.stake")?.found).toBe("100.0 TAO; this chain takes no weights below 1000");
  expect(refused.one("subnet.permit")?.fix).toContain("nobody holds one yet");
});

test("a mechanism that the subnet does not have is wrong", async () => {
  const one = await examined(words(node.endpoint));
  expect(one.one("subnet.mechanisms")).toMatchObject({ status: "ok", found: "the subnet has one" });
  const two = await started({ mechanisms: 2 });
  const both = await examined(words(two.endpoint, "--neuron.mecid", "0,1"));
  expect(both.one("subnet.mechanisms")?.found).toBe(
    "mechanism 0 of 2, 50 % of the subnet's emission; mechanism 1 of 2, 50 % of the subnet's emission",
  );
  const third = await examined(words(two.endpoint, "--neuron.mecid", "0,2"));
  expect({ exitCode: third.exitCode, failed: third.having("fail") }).toEqual({
    exitCode: 1,
    failed: ["subnet.mechanisms"],
  });
  expect(third.one("subnet.mechanisms")?.found).toBe(
    "--neuron.mecid names mechanism 2, which this subnet does not have: it has 2, counted from 0",
  );
});

test("a wrong clock is told from a node that stands still", async () => {
  const late = await started({ nowMs: () => Date.now() - 3_600_000 });
  const behind = await examined(words(late.endpoint));
  expect(behind.having("fail")).toEqual(["chain.clock"]);
  expect(behind.one("chain.clock")?.found).toContain("1.0 h ahead of the chain");
  expect(behind.one("chain.head")?.found).toContain("and new ones come");
  // Where another endpoint agrees, it is that node which is late.
  const both = await examined(words(`${late.endpoint},${node.endpoint}`));
  expect(both.one("chain.clock")?.status).toBe("ok");

  const still = await started({ nowMs: () => Date.now() - 3_600_000, blockTimeMs: 3_600_000 });
  const nodes = new Nodes(
    loadConfiguration(OPTIONS, { flags: { "subtensor.chain_endpoint": still.endpoint }, environment: {} })
      .settings,
    { networkWins: false, signal: new AbortController().signal, wallMs: Date.now, watchMs: 50 },
  );
  expect(await nodes.all()).toMatchObject([{ isSkewed: true, advances: false }]);
  await nodes.close();
});

test("endpoints of two chains are not mixed", async () => {
  const other = await started({});
  const { one, exitCode } = await examined(words(`${node.endpoint},${other.endpoint}`));
  expect(one("chain.runtime")).toMatchObject({
    status: "fail",
    found: expect.stringContaining("two chains"),
  });
  expect(exitCode).toBe(1);
});

test("endpoints that are no nodes are named, and one that is one is enough", async () => {
  const garbage = webSocketServer((send) => send("\u0000\u001b[31m<html>no"));
  const flood = webSocketServer((send) => {
    for (let i = 0; i < 50; i++) send(new Uint8Array(65_536));
  });
  const hangUp = await serving((socket) => socket.destroy());
  const talk = await serving((socket) =>
    socket.end("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"),
  );
  const bad = [garbage, flood, hangUp, talk];
  const mixed = await examined(words([...bad, node.endpoint].join(",")));
  expect(mixed.all("chain.endpoint").map(({ status }) => status)).toEqual([
    "warn",
    "warn",
    "warn",
    "warn",
    "ok",
  ]);
  for (const [index, endpoint] of bad.entries())
    expect(mixed.all("chain.endpoint")[index]?.found).toContain(endpoint);
  expect({ exitCode: mixed.exitCode, stderr: mixed.stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(JSON.stringify(mixed.report)).not.toContain("\\u001b");

  const none = await examined(words(bad.join(",")));
  expect(none.having("fail")).toEqual(["chain.endpoint"]);
  expect(none.one("subnet.exists")?.status).toBe("skip");

  // One that opens and never answers is given up after a while.
  const silent = [webSocketServer(() => {}), await serving(() => {})];
  const nodes = new Nodes(
    loadConfiguration(OPTIONS, { flags: { "subtensor.chain_endpoint": silent.join(",") }, environment: {} })
      .settings,
    { networkWins: false, signal: new AbortController().signal, wallMs: Date.now, openMs: 200 },
  );
  for (const one of await nodes.all())
    expect(one).toMatchObject({ error: { message: expect.stringMatching(/took longer than 0.2 s/) } });
  await nodes.close();
}, 30_000);

test("a node that lies, or says what nobody can read, fails its own checks and nothing else", async () => {
  const relay = node.openEndpoint();
  closers.push(() => relay.stop());
  const spoilt = async (spoil: (result: unknown, method: string) => unknown, ...more: string[]) => {
    relay.alter = ({ text, method }) => {
      const message = JSON.parse(text);
      if ("result" in message) message.result = spoil(message.result, method);
      return JSON.stringify(message);
    };
    return await examined(words([relay.endpoint, ...more].join(",")));
  };
  const only = (name: string, other: unknown) => (result: unknown, method: string) =>
    method === name ? other : result;

  // Subnets of noise, of nothing and of half of the bytes.
  for (const answer of ["0x", "0x01ff00ff00ff", `0x01${"ff".repeat(5000)}`, 7, null, "\u001b[2J"]) {
    const { exitCode, having, report, stderr } = await spoilt(only("state_call", answer));
    expect(exitCode).toBe(1);
    expect(stderr).toBe("");
    expect(["subnet.exists", "chain.endpoint"]).toContain(having("fail")[0]!);
    expect(JSON.stringify(report)).not.toContain("\\u001b");
  }
  // Storage of noise: times, stakes.
  for (const answer of [[], [{ block: "0x00", changes: [["0x00", "0xffffffffffffffffff"]] }], {}, "x"]) {
    const { exitCode, report } = await spoilt(only("state_queryStorageAt", answer));
    expect(exitCode).toBe(1);
    expect(report.checks.length).toBeGreaterThan(20);
  }
  // A node that says it is behind is passed over for one that is not.
  const lagging = only("system_health", { peers: 3, isSyncing: true, shouldHavePeers: true });
  const passed = await spoilt(lagging, node.endpoint);
  expect(passed.exitCode).toBe(0);
  expect(passed.all("chain.endpoint").map(({ status }) => status)).toEqual(["warn", "ok"]);
  expect(passed.one("chain.endpoint")?.found).toContain("has not caught up");
}, 60_000);
