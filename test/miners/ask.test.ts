import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { asUid } from "../../src/base/units.ts";
import { Dendrite, type MinerTarget } from "../../src/miners/ask.ts";
import { readOwnAddresses } from "../../src/miners/own-addresses.ts";
import { acceptsConnection } from "../../src/miners/reach.ts";
import { type TestSigner, testSigner } from "./keys.ts";

const LOOPBACK = 0x7f000001n;
const PROMPT = { roles: ["user"], messages: ["What is the capital of Texas?"] };

let alice: TestSigner;
let bob: TestSigner;
beforeAll(async () => {
  [alice, bob] = [await testSigner("//Alice"), await testSigner("//Bob")];
});

interface Seen {
  headers: Record<string, string>;
  body: string;
}

const servers: Bun.Server<undefined>[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop(true)));
});

/** A miner that notes what it is asked. */
function open(seen: Seen[], answer: () => Promise<Response> | Response): MinerTarget {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request): Promise<Response> => {
      seen.push({ headers: Object.fromEntries(request.headers), body: await request.text() });
      return answer();
    },
  });
  servers.push(server);
  return {
    uid: asUid(servers.length - 1),
    hotkey: bob.hotkey,
    axon: { ip: LOOPBACK, ipType: 4, port: server.port! },
  };
}

const answering = (): Response => Response.json({ completion: "Austin" });
const dendriteOf = (signer: TestSigner): Dendrite =>
  new Dendrite({
    signer,
    policy: { allowPrivate: true, ownAddresses: new Set() },
    version: "1.2.3",
    externalIp: "203.0.113.5",
  });

describe("asking", () => {
  test("gives one reply per target, in their order", async () => {
    const slow = open([], async () => {
      await Bun.sleep(50);
      return answering();
    });
    const quick = open([], answering);
    const absent = { ...quick, uid: asUid(9), axon: { ip: 0n, ipType: 4, port: 0 } };
    const replies = await dendriteOf(alice).ask([slow, absent, quick], PROMPT, { timeoutMs: 5000 });
    expect(replies.map(({ uid, status, completion }) => [Number(uid), status, completion])).toEqual([
      [0, 200, "Austin"],
      [9, 503, null],
      [1, 200, "Austin"],
    ]);
    expect(replies[0]!.elapsedMs).toBeGreaterThan(replies[2]!.elapsedMs);
  });

  test("nobody gives no replies", async () => {
    expect(await dendriteOf(alice).ask([], PROMPT, { timeoutMs: 1000 })).toEqual([]);
  });

  test("signs every request before it sends the first", async () => {
    const order: string[] = [];
    const signer: TestSigner = {
      hotkey: alice.hotkey,
      signMinerRequest: (message) => {
        order.push("signed");
        return alice.signMinerRequest(message);
      },
    };
    const target = open([], () => {
      order.push("received");
      return answering();
    });
    const others = Array.from({ length: 70 }, () => open([], answering));
    await dendriteOf(signer).ask([target, ...others], PROMPT, { timeoutMs: 5000 });
    expect(order).toEqual([...Array<string>(71).fill("signed"), "received"]);
  });

  test("uses a new and greater nonce each time, one uuid per ask in flight, and uuids again later", async () => {
    const seen: Seen[] = [];
    const targets = [open(seen, answering), open(seen, answering)];
    const dendrite = dendriteOf(alice);
    await Promise.all([0, 1].map(() => dendrite.ask(targets, PROMPT, { timeoutMs: 5000 })));
    await dendrite.ask(targets, PROMPT, { timeoutMs: 5000 });
    const nonces = seen.map(({ headers }) => BigInt(headers.bt_header_dendrite_nonce!));
    expect(new Set(nonces).size).toBe(6);
    const uuids = new Set(seen.map(({ headers }) => headers.bt_header_dendrite_uuid));
    expect(uuids.size).toBe(2);
    for (const uuid of uuids) {
      const ofMiner = seen
        .filter(({ headers }) => headers.bt_header_dendrite_uuid === uuid)
        .filter(({ headers }) => headers.bt_header_axon_port === String(targets[0]!.axon.port))
        .map(({ headers }) => BigInt(headers.bt_header_dendrite_nonce!));
      expect(ofMiner).toEqual([...ofMiner].sort((a, b) => (a < b ? -1 : 1)));
    }
  });

  test("asks for an answer that is neither compressed nor on a kept connection, and says who asks", async () => {
    const seen: Seen[] = [];
    await dendriteOf(alice).ask([open(seen, answering)], PROMPT, { timeoutMs: 1500 });
    expect(seen[0]!.headers).toMatchObject({
      "accept-encoding": "identity",
      connection: "close",
      "content-type": "application/json",
      "user-agent": "openvalidator/1.2.3",
      timeout: "1.5",
      bt_header_dendrite_ip: "203.0.113.5",
      bt_header_dendrite_hotkey: alice.hotkey,
      bt_header_axon_hotkey: bob.hotkey,
    });
    expect(seen[0]!.headers).not.toContainAnyKeys(["cookie", "referer", "authorization"]);
    expect(JSON.parse(seen[0]!.body).messages).toEqual(PROMPT.messages);
  });

  test("sends a prompt without characters that miners hash differently", async () => {
    const seen: Seen[] = [];
    await dendriteOf(alice).ask(
      [open(seen, answering)],
      { roles: ["user"], messages: ["a\u200b\u00a0b\ud800"] },
      { timeoutMs: 1500 },
    );
    expect(JSON.parse(seen[0]!.body).messages).toEqual(["a b\ufffd"]);
  });

  test("256 miners at once leaves no socket behind, whatever they do with it", async () => {
    const body = JSON.stringify({ completion: "Austin" });
    const head = (status: string, length: number): string =>
      `HTTP/1.1 ${status}\r\ncontent-length: ${length}\r\nconnection: keep-alive\r\n\r\n`;
    // None of them ever closes a connection: that is left to the validator.
    const answers = [
      head("200 OK", body.length) + body,
      `${head("403 Forbidden", 1_000)}a part`,
      `${head("200 OK", 1_000)}a part`,
      head("200 OK", 10_000_000),
      "",
    ];
    const open = new Set<Socket>();
    const miners = await Promise.all(
      Array.from({ length: 256 }, (_, index) => keepingMiner(answers[index % answers.length]!, open)),
    );
    const targets = miners.map((server, uid) => ({
      uid: asUid(uid),
      hotkey: bob.hotkey,
      axon: { ip: LOOPBACK, ipType: 4, port: (server.address() as AddressInfo).port },
    }));
    const dendrite = dendriteOf(alice);
    for (let round = 0; round < 2; round++) {
      const replies = await dendrite.ask(targets, PROMPT, { timeoutMs: 1_000 });
      expect(replies.slice(0, 5).map(({ status }) => status)).toEqual([200, 403, 408, 422, 408]);
      expect(replies.slice(0, 5).map(({ reached }) => reached)).toEqual([true, true, true, true, false]);
    }
    // A socket that stays open fails the test by its time limit.
    while (open.size > 0) await new Promise((resolve) => [...open][0]!.once("close", resolve));
    for (const server of miners) server.close();
  });
});

/** Answers with these bytes and keeps its connections; `open` holds those that are not closed. */
async function keepingMiner(answer: string, open: Set<Socket>): Promise<Server> {
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.once("data", () => void socket.write(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

describe("a fault of this machine", () => {
  test("without a descriptor left is told from a miner that is not there", async () => {
    const miner = open([], answering);
    const script = join(import.meta.dir, "starved.ts");
    const child = Bun.spawn(
      ["sh", "-c", `ulimit -n 128; exec "$0" "$1" "$2"`, process.execPath, script, String(miner.axon.port)],
      { stdout: "pipe", stderr: "inherit" },
    );
    const printed = await new Response(child.stdout).json();
    expect(printed).toEqual({ before: 200, fault: "descriptors", cause: "descriptors" });
  });

  test("is none when nobody listens, and then nobody was reached", async () => {
    const miner = open([], answering);
    await Promise.all(servers.splice(0).map((server) => server.stop(true)));
    const [reply] = await dendriteOf(alice).ask([miner], PROMPT, { timeoutMs: 1_000 });
    expect(reply).toMatchObject({ status: 503, reached: false });
    expect(reply!.fault).toBeUndefined();
  });

  test("is named by a stop", async () => {
    const miner = open([], answering);
    const signal = AbortSignal.abort();
    const [reply] = await dendriteOf(alice).ask([miner], PROMPT, { timeoutMs: 1_000, signal });
    expect(reply!.fault).toBe("stopped");
  });
});

describe("whether a miner accepts a connection", () => {
  const policy = { allowPrivate: true, ownAddresses: new Set<string>() };

  test("is seen at the first that does, and nothing is sent to it", async () => {
    const seen: Seen[] = [];
    const there = open(seen, answering);
    const gone = { ...there.axon, port: 1_024 };
    expect(await acceptsConnection([gone, there.axon], policy)).toBe(true);
    expect(seen).toEqual([]);
    expect(await acceptsConnection([gone], policy)).toBe(false);
    expect(await acceptsConnection([], policy)).toBe(false);
    expect(await acceptsConnection([there.axon], { ...policy, allowPrivate: false })).toBe(false);
    expect(await acceptsConnection([there.axon], policy, AbortSignal.abort())).toBe(false);
  });
});

test("the addresses of this machine are those of its interfaces, in canonical spelling", () => {
  expect(readOwnAddresses()).toContain("127.0.0.1");
});
