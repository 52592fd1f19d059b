import { afterEach, describe, expect, test } from "bun:test";
import { NodeSocket } from "../../src/chain/socket.ts";
import { until } from "./fixture.ts";

interface Question {
  id: number;
  method: string;
  params: unknown[];
}

const TIMEOUT_MS = 800;
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** A socket to a node that hears questions and says what the test says. */
async function dial(hear: (question: Question, say: (message: object) => void) => void) {
  const heard: (Question & { atMs: number })[] = [];
  const begin = performance.now();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no", { status: 400 })),
    websocket: {
      message(peer, text) {
        const question = JSON.parse(String(text)) as Question;
        heard.push({ ...question, atMs: performance.now() - begin });
        hear(question, (message) => peer.send(JSON.stringify({ jsonrpc: "2.0", ...message })));
      },
    },
  });
  const socket = new NodeSocket(`ws://127.0.0.1:${server.port}`, TIMEOUT_MS);
  cleanUps.push(
    () => socket.disconnect(),
    () => server.stop(true),
  );
  await socket.connect();
  return { socket, heard };
}

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(String, (error: Error) => error.message);

describe("a reading whose answer lets itself be waited for", () => {
  test("is asked for again beside it after a quarter of the time, and the first answer counts", async () => {
    const { socket, heard } = await dial(({ id }, say) => {
      if (heard.length === 2) say({ id, result: "0x2" });
    });
    const begin = performance.now();
    expect(await socket.send<string>("chain_getHeader", [])).toBe("0x2");
    expect(performance.now() - begin).toBeWithin(TIMEOUT_MS / 4 - 20, TIMEOUT_MS - 100);
    expect(heard).toHaveLength(2);
  });

  test("takes the late answer to the first question all the same", async () => {
    const { socket, heard } = await dial((_, say) => {
      if (heard.length === 2) say({ id: heard[0]!.id, result: "0x1" });
    });
    expect(await socket.send<string>("chain_getHeader", [])).toBe("0x1");
  });

  test("is asked for twice and no more, each with all its time", async () => {
    const { socket, heard } = await dial(() => undefined);
    const begin = performance.now();
    expect(await messageOf(socket.send("chain_getHeader", []))).toContain("did not answer chain_getHeader");
    expect(performance.now() - begin).toBeGreaterThan(1.25 * TIMEOUT_MS - 20);
    expect(heard).toHaveLength(2);
  });

  test("and is large is asked for again after half of the time only", async () => {
    const { socket, heard } = await dial(({ id }, say) => {
      if (heard.length === 2) say({ id, result: "0x2" });
    });
    await socket.send("state_call", ["Metadata_metadata_at_version", "0x0f000000"]);
    expect(heard[1]!.atMs - heard[0]!.atMs).toBeGreaterThan(TIMEOUT_MS / 2 - 20);
  });

  test("ends at once with a refusal, though another question is open", async () => {
    const { socket, heard } = await dial(({ id }, say) => {
      if (heard.length === 2) say({ id, error: { code: 4003, message: "State already discarded" } });
    });
    const begin = performance.now();
    expect(await messageOf(socket.send("chain_getHeader", []))).toContain("State already discarded");
    expect(performance.now() - begin).toBeLessThan(TIMEOUT_MS - 100);
  });

  test("is not asked for again once it was answered", async () => {
    const { socket, heard } = await dial(({ id }, say) => say({ id, result: "0x1" }));
    await socket.send("chain_getHeader", []);
    await Bun.sleep(TIMEOUT_MS / 2);
    expect(heard).toHaveLength(1);
  });
});

test("nothing is no number of a subscription: it is asked for again, where a transaction fails", async () => {
  const told: unknown[] = [];
  const { socket, heard } = await dial(({ id }, say) => {
    say({ id, result: heard.length === 2 ? "s2" : null });
    if (heard.length === 2) say({ method: "chain_newHead", params: { subscription: "s2", result: "block" } });
  });
  const subscribed = socket.subscribe("chain", "chain_subscribeNewHeads", [], (_, block) => told.push(block));
  expect(await subscribed).toBe("s2");
  await until(() => told.length === 1);
  const sent = socket.subscribe("author", "author_submitAndWatchExtrinsic", ["0x00"], () => undefined);
  expect(await messageOf(sent)).toContain("is empty");
  expect(heard).toHaveLength(3);
});

test("nothing is no genesis, though a block that is not known has none", async () => {
  const { socket, heard } = await dial(({ id }, say) =>
    say({ id, result: heard.length === 2 ? "0xab" : null }),
  );
  expect(await socket.send<string>("chain_getBlockHash", [0])).toBe("0xab");
  expect(await socket.send<null>("chain_getBlockHash", [7])).toBeNull();
});

test("a transaction whose answer lets itself be waited for is sent once", async () => {
  const { socket, heard } = await dial(() => undefined);
  const sent = messageOf(
    socket.subscribe("author", "author_submitAndWatchExtrinsic", ["0x00"], () => undefined),
  );
  expect(await sent).toContain("did not answer");
  expect(heard).toHaveLength(1);
});

describe("a subscription whose answer lets itself be waited for", () => {
  const BEGIN = "chain_subscribeNewHeads";
  /** Answers subscriptions to the questions with these numbers, and tells them a block each. */
  const follow = async (answers: (asked: number) => number[]) => {
    const told: unknown[] = [];
    let asked = 0;
    const { socket, heard } = await dial(({ id, method }, say) => {
      if (method !== BEGIN) return say({ id, result: true });
      for (const number of answers(++asked)) {
        const { id: of } = heard[number - 1]!;
        say({ id: of, result: `s${number}` });
        const params = { subscription: `s${number}`, result: `block of s${number}` };
        say({ method: "chain_newHead", params });
      }
    });
    const id = await socket.subscribe("chain", BEGIN, [], (_, block) => told.push(block));
    return { heard, told, id };
  };

  test("is opened twice, told once, and the spare one ends", async () => {
    // The second question brings the answers to both.
    const { heard, told, id } = await follow((asked) => (asked === 2 ? [2, 1] : []));
    await until(() => heard.length === 3);
    expect(heard[2]).toMatchObject({ method: "chain_unsubscribeNewHeads", params: ["s1"] });
    expect(id).toBe("s2");
    expect(told).toEqual(["block of s2"]);
  });

  test("and comes when nobody waits any more ends as well", async () => {
    const late = Promise.withResolvers<void>();
    const told: unknown[] = [];
    const { socket, heard } = await dial(({ id, method }, say) => {
      if (method !== BEGIN) return say({ id, result: true });
      if (heard.length === 2) return say({ id, result: "s2" });
      void late.promise.then(() => say({ id, result: "s1" }));
    });
    await socket.subscribe("chain", BEGIN, [], (_, block) => told.push(block));
    await Bun.sleep(TIMEOUT_MS + 50);
    late.resolve();
    await until(() => heard.length === 3);
    expect(heard[2]).toMatchObject({ method: "chain_unsubscribeNewHeads", params: ["s1"] });
  });
});

test("notices that overtake the answer to their subscription are kept, whatever was told before of one that ended", async () => {
  const told: unknown[] = [];
  const { socket } = await dial(({ id, method }, say) => {
    const notice = (of: string) => ({ method: "chain_newHead", params: { subscription: of, result: of } });
    if (method === "chain_getHeader") for (let number = 0; number < 150; number++) say(notice("ended"));
    else say(notice("s1"));
    say({ id, result: "s1" });
  });
  await socket.send("chain_getHeader", []);
  await socket.subscribe("chain", "chain_subscribeNewHeads", [], (_, block) => told.push(block));
  expect(told).toEqual(["s1"]);
});
