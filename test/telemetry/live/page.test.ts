import { afterEach, describe, expect, test } from "bun:test";
import { LivePage } from "../../../src/telemetry/live/live.ts";
import { MinerBook } from "../../../src/telemetry/live/miner-book.ts";
import { EventStreams } from "../../../src/telemetry/live/stream.ts";
import { eventsOfRun, HOSTILE } from "./subnet.ts";

const at = (path: string, headers: Record<string, string> = {}): Request =>
  new Request(`http://127.0.0.1${path}`, { headers });

const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0)) open.close();
});

function liveOf(...args: Parameters<typeof eventsOfRun>): LivePage {
  const book = new MinerBook();
  const live = new LivePage(book);
  closing.push({ close: () => live.close() });
  for (const event of eventsOfRun(...args)) {
    book.apply(event);
    live.apply(event);
  }
  return live;
}

async function firstText(response: Response): Promise<string> {
  const reader = response.body!.getReader();
  let text = "";
  while (!text.endsWith("\n\n") || !text.includes("data:"))
    text += Buffer.from((await reader.read()).value!).toString();
  await reader.cancel();
  return text;
}

describe("the page", () => {
  test("is one document that allows itself nothing from elsewhere", async () => {
    const response = new LivePage(new MinerBook()).page();
    const text = await response.text();
    const policy = response.headers.get("content-security-policy")!;
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toContain("unsafe");
    expect(policy.match(/'sha256-[A-Za-z0-9+/]{43}='/g)).toHaveLength(2);
    expect(text).not.toMatch(/\b(?:src|href)="(?!data:,|#)/);
    expect(text).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  });

  test("never makes markup of a text", async () => {
    const text = await new LivePage(new MinerBook()).page().text();
    expect(text).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|srcdoc/,
    );
  });
});

describe("one miner", () => {
  test("is told with its answers and their reasons", async () => {
    const told = await liveOf(16, 20).miner(at("/api/miner?uid=3")).json();
    expect(told.answers).toHaveLength(20);
    expect(told.answers[0].summary).toContain("blacklist took everything");
    expect(told.score).toBeCloseTo(0.066);
  });

  test.each(["", "?uid=", "?uid=-1", "?uid=1e3", "?uid=999999", "?uid=1111111111"])("refuses %p", (query) => {
    expect(liveOf(2, 1).miner(at(`/api/miner${query}`)).status).toBe(400);
  });

  test("that nobody knows has no answers", async () => {
    expect(await liveOf(2, 1).miner(at("/api/miner?uid=77")).json()).toMatchObject({
      hotkey: null,
      answers: [],
    });
  });
});

describe("the stream", () => {
  test("begins with the bounded past and keeps hostile text inside its line", async () => {
    const live = liveOf(4, 500);
    const text = await firstText(live.events(at("/events")));
    const data = text.split("\n").find((line) => line.startsWith("data:"))!;
    const past = JSON.parse(data.slice("data:".length));
    expect([past.points.length, past.lines.length]).toEqual([400, 100]);
    expect(past.points.at(-1).step).toBe(600);
  });

  test("does not let a text end its message", async () => {
    const streams = new EventStreams();
    closing.push(streams);
    const text = await firstText(
      streams.open(() => [{ name: "line", data: { text: `${HOSTILE}\n\nevent: x\rdata: y` } }]),
    );
    expect(text.split("\n\n").filter((part) => part.startsWith("event:"))).toHaveLength(1);
    expect(text).not.toContain("\r");
  });

  test("is for few, and for no other site", () => {
    const live = liveOf(2, 1);
    expect(live.events(at("/events", { "sec-fetch-site": "cross-site" })).status).toBe(403);
    const codes = Array.from(
      { length: 10 },
      () => live.events(at("/events", { "sec-fetch-site": "same-origin" })).status,
    );
    expect(codes).toEqual([...Array.from({ length: 8 }, () => 200), 503, 503]);
    expect(live.state).toEqual({ clients: 8, dropped: 0, refused: 2 });
  });

  test("gives a place free when its browser goes", async () => {
    const streams = new EventStreams();
    const gone = new AbortController();
    streams.open(() => [], gone.signal);
    const response = streams.open(() => []);
    expect(streams.state.clients).toBe(2);
    gone.abort();
    await response.body!.cancel();
    expect(streams.state.clients).toBe(0);
  });

  test("drops for a browser that does not read, counts it, and tells it later", async () => {
    const streams = new EventStreams();
    closing.push(streams);
    const slow = streams.open(() => []);
    const message = { text: "x".repeat(10_000) };
    for (let sent = 0; sent < 100; sent++) streams.send("line", message);
    const { dropped } = streams.state;
    expect(dropped).toBeGreaterThan(70);
    const reader = slow.body!.getReader();
    let kept = 0;
    while (kept < 100 - dropped)
      if (Buffer.from((await reader.read()).value!).includes("event: line")) kept++;
    streams.send("line", message);
    expect(Buffer.from((await reader.read()).value!).toString()).toBe(
      `event: missed\ndata: {"messages":${dropped}}\n\n`,
    );
    await reader.cancel();
  });
});

describe("over a real connection", () => {
  test("a browser that never reads costs a bounded memory and holds nobody", async () => {
    const live = liveOf(4, 1);
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => live.events(request) });
    closing.push({ close: () => void server.stop(true) });
    const connected = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: server.port!,
      socket: {
        data: (paused) => {
          paused.pause();
          connected.resolve();
        },
      },
    });
    socket.write("GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await connected.promise;
    const [event] = eventsOfRun(1, 0);
    const cause = "x".repeat(250);
    const long = {
      ...event!,
      kind: "chain",
      state: "lost",
      endpoint: null,
      detail: cause,
      value: null,
    } as typeof event;
    for (let round = 0; round < 200; round++) {
      for (let sent = 0; sent < 500; sent++) live.apply(long!);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(live.state.dropped).toBeGreaterThan(10_000);
    socket.terminate();
  });

  test("a browser that goes gives its place free", async () => {
    const live = liveOf(2, 1);
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => live.events(request),
    });
    closing.push({ close: () => void server.stop(true) });
    const leaving = new AbortController();
    const response = await fetch(server.url, { signal: leaving.signal });
    await response.body!.getReader().read();
    expect(live.state.clients).toBe(1);
    leaving.abort();
    const end = Date.now() + 8_000;
    while (live.state.clients > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(live.state.clients).toBe(0);
  }, 10_000);
});
