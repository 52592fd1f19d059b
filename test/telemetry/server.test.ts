import { afterEach, describe, expect, test } from "bun:test";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { EventFeed } from "../../src/events/feed.ts";
import { openTelemetry, type Telemetry } from "../../src/telemetry/open.ts";
import { plain, TelemetryServer } from "../../src/telemetry/server.ts";
import { capturedLog } from "../captured-log.ts";
import { IDENTITY } from "../events/bodies.ts";
import { scratchFolders } from "../scratch.ts";
import { bodyOf } from "./stamped.ts";

const folder = scratchFolders("telemetry");
const lines = capturedLog();
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

function serverOf(routes: Record<string, () => Response>): TelemetryServer {
  const server = new TelemetryServer(0, new Map(Object.entries(routes)));
  open.push(server);
  return server;
}

/** A free port: one that was just given back. */
async function freePort(): Promise<number> {
  const server = new TelemetryServer(0, new Map());
  const { port } = server;
  await server.close();
  return port;
}

async function telemetry(flags: Record<string, string>): Promise<{ feed: EventFeed; made: Telemetry }> {
  const { settings } = loadConfiguration(OPTIONS, {
    flags: { "wandb.off": "true", ...flags },
    environment: {},
    command: "run",
  });
  const feed = new EventFeed({ journal: undefined, identity: IDENTITY, block: () => 1 });
  const made = openTelemetry(settings, feed, {
    directory: folder(),
    signal: new AbortController().signal,
    environment: {},
  });
  open.push(feed, made);
  return { feed, made };
}

describe("the telemetry server", () => {
  test("answers what was registered, to GET alone and under a name of this machine", async () => {
    const server = serverOf({
      "/ok": () => plain(200, "ok"),
      "/broken": () => {
        throw new Error("secret detail");
      },
    });
    const at = `http://127.0.0.1:${server.port}`;
    const status = async (path: string, init?: RequestInit): Promise<number> =>
      (await fetch(`${at}${path}`, init)).status;
    expect(await status("/ok?x=1")).toBe(200);
    expect(await status("/")).toBe(404);
    expect(await status("/ok", { method: "POST", body: "x" })).toBe(405);
    expect(await status("/ok", { headers: { host: `evil.example:${server.port}` } })).toBe(403);
    const broken = await fetch(`${at}/broken`);
    expect([broken.status, await broken.text()]).toEqual([500, "this went wrong; the log says more\n"]);
    expect(server.refused).toBe(3);
  });

  test("takes so many requests at once and no more, and forgets streams whose reader went", async () => {
    const server = serverOf({
      "/events": () =>
        new Response(new ReadableStream({ start: (to) => to.enqueue(new TextEncoder().encode(":\n\n")) }), {
          headers: { "content-type": "text/event-stream" },
        }),
      "/ok": () => plain(200, "ok"),
    });
    const at = `http://127.0.0.1:${server.port}`;
    const stop = new AbortController();
    const streams = await Promise.all(
      Array.from({ length: 64 }, () => fetch(`${at}/events`, { signal: stop.signal })),
    );
    expect(streams.every(({ status }) => status === 200)).toBe(true);
    expect((await fetch(`${at}/ok`)).status).toBe(503);
    stop.abort();
    let status = 503;
    for (let n = 0; n < 100 && status === 503; n++) {
      status = (await fetch(`${at}/ok`)).status;
      await Bun.sleep(10);
    }
    expect(status).toBe(200);
  });
});

describe("telemetry of a run", () => {
  test("shows status and health over HTTP", async () => {
    const { feed, made } = await telemetry({ "metrics.port": String(await freePort()) });
    const at = `http://127.0.0.1:${made.port}`;
    expect((await fetch(`${at}/healthz`)).status).toBe(200);
    const early = await fetch(`${at}/readyz`);
    expect([early.status, await early.text()]).toEqual([503, "the validator is starting\n"]);
    feed.emit(bodyOf("run"));
    await Bun.sleep(1);
    expect((await fetch(`${at}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${at}/api/status`)).json()).toMatchObject({ uid: 0, healthy: true });
    expect(await (await fetch(`${at}/`)).text()).toStartWith("<!doctype html>");
  });

  test("a taken port is one warning, and the run goes on", async () => {
    const taken = serverOf({});
    const { feed, made } = await telemetry({ "metrics.port": String(taken.port) });
    expect(made.port).toBeUndefined();
    const [warning = "", ...more] = lines.filter((line) => line.includes("WARN"));
    expect(more).toEqual([]);
    expect(warning).toContain(`port ${taken.port} is in use already`);
    expect(warning).toContain("--metrics.port takes another port");
    feed.emit(bodyOf("run"));
    await Bun.sleep(1);
    expect(made.status().phase).toBe("running");
  });

  test("port 0 opens none", async () => {
    const { made } = await telemetry({ "metrics.port": "0" });
    expect(made.port).toBeUndefined();
    expect(lines).toEqual([]);
  });
});
