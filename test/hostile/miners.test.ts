import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { asUid } from "../../src/base/units.ts";
import type { Reply } from "../../src/base/vocabulary.ts";
import { chainAddress } from "../../src/miners/address.ts";
import { Dendrite, type MinerTarget } from "../../src/miners/ask.ts";
import { type TestSigner, testSigner } from "../miners/keys.ts";
import {
  answer,
  bytes,
  drip,
  endless,
  HEAVY,
  listen,
  type RawAnswer,
  type RawMiner,
} from "./miners-attacks.ts";
import type { AskCost } from "./miners-memory.ts";

const MIB = 1_048_576;
const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const GOOD = '{"completion":"an answer"}';
// Long enough for every prompt answer on a busy machine; only attacks that wait reach it.
const TIMEOUT_MS = 4000;

let signer: TestSigner;
beforeAll(async () => {
  signer = await testSigner("//Alice");
});

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((miner) => miner.close()));
});

async function serve(react: RawAnswer): Promise<RawMiner> {
  const miner = await listen(react);
  running.push(miner);
  return miner;
}

const dendrite = (allowPrivate = true): Dendrite =>
  new Dendrite({ signer, policy: { allowPrivate, ownAddresses: new Set() }, version: "0" });

const target = (port: number, uid = 0, host = "127.0.0.1"): MinerTarget => ({
  uid: asUid(uid),
  hotkey: signer.hotkey,
  axon: { ...chainAddress(host), port },
});

const PROMPT = { roles: ["user"], messages: ["What is the capital of Texas?"] };

async function askOne(react: RawAnswer, timeoutMs = TIMEOUT_MS): Promise<Reply> {
  const miner = await serve(react);
  const [reply] = await dendrite().ask([target(miner.port)], PROMPT, { timeoutMs });
  return reply!;
}

describe("an answer that is in order", () => {
  test("gives its completion", async () => {
    const reply = await askOne(answer(GOOD));
    expect(reply).toMatchObject({ uid: 0, status: 200, message: "Success", completion: "an answer" });
  });

  test("may come in pieces, in chunks, or end with the connection", async () => {
    const pieces = (socket: Parameters<RawAnswer>[0]) => {
      socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
      // "é" is split between two chunks.
      const [first, second] = [
        Buffer.from('{"completion":"caf\xc3', "latin1"),
        Buffer.from('\xa9"}', "latin1"),
      ];
      socket.write(
        Buffer.concat([Buffer.from(`${first.length.toString(16)}\r\n`), first, Buffer.from("\r\n")]),
      );
      setTimeout(
        () =>
          socket.end(
            Buffer.concat([
              Buffer.from(`${second.length.toString(16)}\r\n`),
              second,
              Buffer.from("\r\n0\r\n\r\n"),
            ]),
          ),
        20,
      );
    };
    expect((await askOne(pieces)).completion).toBe("café");
    expect((await askOne(bytes(`${HEAD}\r\n${GOOD}`))).completion).toBe("an answer");
  });

  test("may lie about who asked and who answers: only status, message and completion are taken", async () => {
    const lies = [
      "bt_header_dendrite_hotkey: 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
      "bt_header_dendrite_nonce: 1",
      "bt_header_axon_hotkey: 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
      "bt_header_axon_signature: 0x00",
      "bt_header_axon_status_code: 200",
      "bt_header_axon_process_time: -5",
    ];
    const body = '{"completion":"an answer","dendrite":{"hotkey":"x","process_time":0},"timeout":0}';
    const reply = await askOne(answer(body, `${lies.join("\r\n")}\r\n`));
    expect(reply).toMatchObject({ hotkey: signer.hotkey, status: 200, completion: "an answer" });
    expect(reply.elapsedMs).toBeGreaterThan(0);
  });
});

describe("the status of an answer", () => {
  const refusal = (http: string, header: string, message = "why"): RawAnswer =>
    bytes(
      `HTTP/1.1 ${http}\r\nContent-Type: application/json\r\n${header}bt_header_axon_status_message: ${message}\r\nContent-Length: ${GOOD.length}\r\n\r\n${GOOD}`,
    );
  test.each([
    ["500 Internal Server Error", "bt_header_axon_status_code: 403\r\n", 403],
    ["403 Forbidden", "bt_header_axon_status_code: 403\r\n", 403],
    ["401 Unauthorized", "", 401],
    ["200 OK", "bt_header_axon_status_code: 408\r\n", 408],
    ["500 Internal Server Error", "bt_header_axon_status_code: 200\r\n", 500],
    ["503 Service Unavailable", "bt_header_axon_status_code: 999999\r\n", 503],
    ["204 No Content", "", 204],
    ["206 Partial Content", "", 206],
  ])("HTTP %s with %j is %d and no answer", async (http, header, status) => {
    const reply = await askOne(refusal(http, header));
    expect(reply).toMatchObject({ status, completion: null, message: "why" });
  });

  test("has a message of one short line without terminal escapes", async () => {
    const reply = await askOne(refusal("403 Forbidden", "", `\u001b]0;x\u0007${"m".repeat(5000)}`));
    expect(reply.status).not.toBe(200);
    expect(reply.message.length).toBeLessThanOrEqual(201);
    expect(reply.message).not.toMatch(/\p{Cc}/u);
  });

  test("is 503 when nobody listens", async () => {
    const miner = await listen(bytes(""));
    await miner.close();
    const [reply] = await dendrite().ask([target(miner.port)], PROMPT, { timeoutMs: TIMEOUT_MS });
    expect(reply).toMatchObject({
      status: 503,
      message: `Service unavailable at 127.0.0.1:${miner.port}/Prompting`,
      completion: null,
    });
  });
});

describe("bytes that are no answer", () => {
  test.each<[string, number, RawAnswer]>([
    ["nothing", 503, bytes("")],
    ["a reset", 503, (socket) => socket.resetAndDestroy()],
    ["half a head", 503, bytes("HTTP/1.1 200 OK\r\nContent-")],
    ["a bad status line", 422, bytes("HTTP/1.1 two hundred\r\n\r\n")],
    ["HTTP/0.9", 422, bytes(GOOD)],
    ["a TLS greeting", 422, bytes(Buffer.from("16030100020100", "hex"))],
    [
      "a length and chunks at once",
      422,
      bytes(`${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
    ],
    ["two lengths", 422, bytes(`${HEAD}Content-Length: 3\r\nContent-Length: 26\r\n\r\n${GOOD}`)],
    ["a body shorter than announced", 400, bytes(`${HEAD}Content-Length: 500\r\n\r\n${GOOD}`)],
    ["a chunk shorter than announced", 400, bytes(`${HEAD}Transfer-Encoding: chunked\r\n\r\n50\r\n${GOOD}`)],
    [
      "an announced body of 10 GB",
      422,
      endless(`${HEAD}Content-Length: 10000000000\r\n\r\n`, "a".repeat(65_536)),
    ],
    [
      "another protocol",
      422,
      bytes("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
    ],
    ["endless early hints", 422, endless("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(100))],
  ])("%s is %d", async (_, status, react) => {
    const reply = await askOne(react);
    expect(reply).toMatchObject({ status, completion: null });
  });

  test("a second answer after the first is not read, and does not reach the next request", async () => {
    const second = `HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{"completion":"poison"}`;
    const miner = await serve(bytes(`${HEAD}Content-Length: ${GOOD.length}\r\n\r\n${GOOD}${second}`));
    const client = dendrite();
    for (let round = 0; round < 3; round++) {
      const [reply] = await client.ask([target(miner.port)], PROMPT, { timeoutMs: TIMEOUT_MS });
      expect([400, 422, 200]).toContain(reply!.status);
      expect(reply!.completion).not.toBe("poison");
    }
    expect(miner.opened).toBe(3);
  });

  test.each<[string, RawAnswer]>([
    ["no answer at all", () => undefined],
    ["a head that never ends", drip("HTTP/1.1 200 OK\r\n", "X-A: b\r\n")],
    ["a body that drips", drip(`${HEAD}Content-Length: 100000\r\n\r\n`, "a")],
    ["an answer that comes too late", (socket) => setTimeout(() => answer(GOOD)(socket), 600)],
  ])("%s is 408 at the deadline, and the connection is closed", async (_, react) => {
    let closed = false;
    const reply = await askOne((socket) => {
      socket.on("close", () => {
        closed = true;
      });
      react(socket);
    }, 300);
    expect(reply).toMatchObject({
      status: 408,
      message: "Request timeout after 0.3 seconds",
      completion: null,
    });
    await Bun.sleep(50);
    expect(closed).toBe(true);
  });
});

describe("bodies", () => {
  test.each<[string, number, string | Uint8Array]>([
    ["null", 422, '{"completion":null}'],
    ["a number", 422, '{"completion":7}'],
    ["infinity", 422, '{"completion":1e999}'],
    ["a list", 422, '{"completion":["an answer"]}'],
    ["an object", 422, '{"completion":{"text":"an answer"}}'],
    ["empty", 204, '{"completion":""}'],
    ["blank", 204, '{"completion":" \\n\\u00a0\\t"}'],
    ["absent", 422, "{}"],
    ["a list around it", 422, '[{"completion":"an answer"}]'],
    ["a string around it", 422, '"completion"'],
    ["inherited", 422, '{"__proto__":{"completion":"an answer"}}'],
    ["not a number", 422, '{"completion":NaN}'],
    ["with a byte order mark", 422, `\ufeff${GOOD}`],
    ["UTF-16", 422, Buffer.from(GOOD, "utf16le")],
    ["invalid UTF-8", 422, Buffer.from('{"completion":"\xff"}', "latin1")],
    ["overlong UTF-8", 422, Buffer.from('{"completion":"\xc0\xaf"}', "latin1")],
    ["cut off", 422, '{"completion":"an ans'],
    ["an HTML page", 422, "<html>error</html>"],
    ["an error of the SDK with status 200", 422, '{"message":"Internal Server Error #1"}'],
    ["a Python dictionary", 422, "{'completion': 'an answer'}"],
    ["nested 33 deep", 422, `{"x":${"[".repeat(32)}${"]".repeat(32)},"completion":"an answer"}`],
    ["one character too long", 422, `{"completion":"${"a".repeat(16_385)}"}`],
    ["beside 5000 values", 422, `{"x":[${"0,".repeat(5000)}0],"completion":"an answer"}`],
    [
      "with 257 keys",
      422,
      `{${Array.from({ length: 256 }, (_, i) => `"k${i}":0`).join(",")},"completion":"an answer"}`,
    ],
  ])("a completion that is %s is %d", async (_, status, body) => {
    expect(await askOne(answer(body))).toMatchObject({ status, completion: null });
  });

  test.each<[string, string, string]>([
    ["one character", '{"completion":"x"}', "x"],
    ["as long as allowed", `{"completion":"${"a".repeat(16_384)}"}`, "a".repeat(16_384)],
    ["structural characters in a string", '{"completion":"[[[[{{\\"::,,\\\\"}', '[[[[{{"::,,\\'],
    ["nested 32 deep", `{"x":${"[".repeat(31)}${"]".repeat(31)},"completion":"deep"}`, "deep"],
    ["doubled", '{"completion":"first","completion":"last"}', "last"],
    ["half a surrogate pair", '{"completion":"a\\ud800b"}', "a\ufffdb"],
    ["terminal escapes and NUL", '{"completion":"\\u001b[2J\\u0000"}', "\u001b[2J\u0000"],
    ["beside a prototype", '{"__proto__":{"x":1},"constructor":1,"completion":"own"}', "own"],
  ])("a completion that is %s is taken", async (_, body, completion) => {
    expect(await askOne(answer(body))).toMatchObject({ status: 200, completion });
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe("redirects", () => {
  test.each([301, 302, 303, 307, 308])("a %d is never followed", async (code) => {
    const secret = await serve(answer(GOOD));
    for (const location of [
      `http://127.0.0.1:${secret.port}/secret`,
      "http://169.254.169.254/latest/meta-data/",
      "file:///etc/passwd",
      "/Prompting",
    ]) {
      const miner = await serve(
        bytes(`HTTP/1.1 ${code} Moved\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`),
      );
      const [reply] = await dendrite().ask([target(miner.port)], PROMPT, { timeoutMs: TIMEOUT_MS });
      expect(reply).toMatchObject({ status: code, message: "Redirect refused", completion: null });
      expect(miner.opened).toBe(1);
    }
    expect(secret.opened).toBe(0);
  });
});

describe("addresses", () => {
  test("of this machine are never dialled on a public network", async () => {
    const miner = await serve(answer(GOOD));
    const targets = [
      "127.0.0.1",
      "::1",
      "::ffff:127.0.0.1",
      "64:ff9b::127.0.0.1",
      "2002:7f00:1::1",
      "127.8.8.8",
    ].map((host, uid) => target(miner.port, uid, host));
    targets.push({ ...target(miner.port, 6), axon: { ip: 0n, ipType: 4, port: miner.port } });
    const replies = await dendrite(false).ask(targets, PROMPT, { timeoutMs: TIMEOUT_MS });
    for (const reply of replies) {
      expect(reply).toMatchObject({ status: 503, completion: null, elapsedMs: 0 });
      expect(reply.message).toStartWith("Not called: ");
    }
    expect(replies.map((reply) => Number(reply.uid))).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(miner.opened).toBe(0);
  });

  test("shared by many uids are called one at a time", async () => {
    const miner = await serve((socket) => setTimeout(() => answer(GOOD)(socket), 5));
    const targets = Array.from({ length: 20 }, (_, uid) => target(miner.port, uid));
    const replies = await dendrite().ask(targets, PROMPT, { timeoutMs: 5000 });
    expect(replies.map((reply) => reply.status)).toEqual(Array(20).fill(200));
    expect(miner.opened).toBe(20);
    expect(miner.most).toBe(1);
  });

  test("shared by many uids cost only those uids their time", async () => {
    const silent = await serve(() => undefined);
    const quick = await serve(answer(GOOD));
    const targets = [
      ...Array.from({ length: 10 }, (_, uid) => target(silent.port, uid)),
      target(quick.port, 10),
    ];
    const replies = await dendrite().ask(targets, PROMPT, { timeoutMs: 300 });
    expect(replies.slice(0, 10).map((reply) => reply.status)).toEqual(Array(10).fill(408));
    expect(replies[10]).toMatchObject({ status: 200, completion: "an answer" });
    expect(silent.opened).toBe(1);
  });
});

describe("stopping", () => {
  test("ends every request at once with a reply", async () => {
    const silent = await serve(() => undefined);
    const stop = new AbortController();
    const asked = dendrite().ask([target(silent.port), target(silent.port, 1)], PROMPT, {
      timeoutMs: 60_000,
      signal: stop.signal,
    });
    setTimeout(() => stop.abort(), 50);
    const replies = await asked;
    expect(replies.map((reply) => reply.completion)).toEqual([null, null]);
    expect(replies[0]!.status).toBe(499);
  });
});

describe("memory", () => {
  // Bun reads up to 512 KiB at once and hands over every interim answer in it before the connection can be closed.
  const bounds = Object.keys(HEAVY).map((name): [string, number] => [
    name,
    name === "endless interim answers" ? 128 : 64,
  ]);
  test.each(bounds)("50 miners that send %s cost at most %d MiB and get nothing", async (name, bound) => {
    const script = join(import.meta.dir, "miners-attacks.ts");
    const server = Bun.spawn([process.execPath, script, name, "50"], { stdout: "pipe", stderr: "inherit" });
    running.push({
      close: async () => {
        server.kill();
        await server.exited;
      },
    });
    const ports: number[] = JSON.parse(await firstLine(server.stdout));
    const asker = Bun.spawn(
      [process.execPath, join(import.meta.dir, "miners-memory.ts"), ...ports.map(String)],
      {
        stdout: "pipe",
        stderr: "inherit",
      },
    );
    const cost: AskCost = JSON.parse(await new Response(asker.stdout).text());
    expect(cost.statuses).toEqual(Array(50).fill(422));
    expect(cost.grownBytes / MIB).toBeLessThanOrEqual(bound);
  });
});

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of stream) {
    text += new TextDecoder().decode(part);
    if (text.includes("\n")) break;
  }
  return text;
}

describe("a proxy in the environment", () => {
  test("is not used for miners", async () => {
    const proxy = await serve(answer('{"completion":"proxied"}'));
    const miner = await serve(answer(GOOD));
    const url = `http://127.0.0.1:${proxy.port}`;
    const program = `
      import { Dendrite } from ${JSON.stringify(join(import.meta.dir, "../../src/miners/ask.ts"))};
      const client = new Dendrite({
        signer: { hotkey: "5x", signMinerRequest: () => new Uint8Array(64) },
        policy: { allowPrivate: true, ownAddresses: new Set() }, version: "0" });
      const [reply] = await client.ask([{ uid: 0, hotkey: "5y", axon: { ip: 0x7f000001n, ipType: 4, port: ${miner.port} } }],
        { roles: ["user"], messages: ["x"] }, { timeoutMs: 5000 });
      process.stdout.write(String(reply.completion));`;
    const child = Bun.spawn([process.execPath, "-e", program], {
      env: {
        ...process.env,
        HTTP_PROXY: url,
        http_proxy: url,
        HTTPS_PROXY: url,
        ALL_PROXY: url,
        NODE_USE_ENV_PROXY: "1",
      },
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(await new Response(child.stdout).text()).toBe("an answer");
    expect(proxy.opened).toBe(0);
    expect(miner.opened).toBe(1);
  });
});
