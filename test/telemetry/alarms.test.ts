import { afterEach, describe, expect, test } from "bun:test";
import { testAlert } from "../../src/cli/commands/alert.ts";
import type { EventBody } from "../../src/events/schema.ts";
import { type Alarm, formOfUrl, uploadOf } from "../../src/telemetry/alarm-forms.ts";
import { AlarmMemory } from "../../src/telemetry/alarm-memory.ts";
import { type AlarmOptions, Alarms } from "../../src/telemetry/alarms.ts";
import { StatusFold } from "../../src/telemetry/status-fold.ts";
import { CANARY } from "../canaries.ts";
import { capturedLog } from "../captured-log.ts";
import { scratchFolders } from "../scratch.ts";
import { bodyOf, START_MS, stamped } from "./stamped.ts";

const lines = capturedLog("trace");
const folder = scratchFolders("alarms");
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

const SECRET = CANARY.hookPath;

/** A webhook that remembers what it got, and answers as it is told. */
function webhook(answer: () => Response | Promise<Response> = () => new Response("ok")) {
  const got: { body: string; headers: Headers; method: string }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      got.push({ body: await request.text(), headers: request.headers, method: request.method });
      return await answer();
    },
  });
  open.push({ close: () => server.stop(true) });
  return { url: `http://127.0.0.1:${server.port}/hooks/${SECRET}?token=${SECRET}`, got };
}

/** Alarms of a run whose events and clock are the test's. */
function alarms(more: Partial<AlarmOptions> = {}) {
  const fold = new StatusFold();
  const clock = { s: 0 };
  const made = new Alarms({
    url: "http://127.0.0.1:9/",
    form: undefined,
    status: () => fold.snapshot(START_MS + clock.s * 1000),
    nowMs: () => START_MS + clock.s * 1000,
    lastWordsMs: 200,
    ...more,
  });
  open.push(made);
  const tell = async (body: EventBody | undefined, atS: number): Promise<void> => {
    clock.s = atS;
    if (body) fold.apply(stamped(body, atS));
    made.check();
    await made.settled();
  };
  return { made, tell };
}
const outage = bodyOf("miners", { state: "outage", cause: "no route" });
const reached = bodyOf("miners", { state: "reached" });

describe("alarms", () => {
  test("tell once that an alert came up, and once that it is over", async () => {
    const { url, got } = webhook();
    const { tell } = alarms({ url });
    await tell(bodyOf("run"), 0);
    await tell(outage, 10);
    await tell(undefined, 20);
    await tell(bodyOf("forward"), 40);
    await tell(reached, 60);
    await tell(undefined, 100);
    expect(got.map(({ method, body }) => [method, JSON.parse(body)])).toEqual([
      [
        "POST",
        {
          version: 1,
          state: "firing",
          alert: "miners_unreachable",
          severity: "critical",
          text: "no miner gives evidence, so scores stand still: no route",
          since: "2026-01-01T00:00:10.000Z",
          resolved_at: null,
          validator: { hotkey: "h", uid: 0, netuid: 1, version: "0.2.0" },
        },
      ],
    ]);
    await tell(bodyOf("forward"), 180);
    await tell(undefined, 190);
    expect(got.slice(1).map(({ body }) => JSON.parse(body))).toMatchObject([
      { state: "resolved", alert: "miners_unreachable", resolved_at: "2026-01-01T00:01:00.000Z" },
    ]);
  });

  test("an alert that flutters is one alert", async () => {
    const { url, got } = webhook();
    const { tell } = alarms({ url });
    await tell(bodyOf("run"), 0);
    for (let n = 1; n < 10; n++) await tell(n % 2 === 1 ? outage : reached, n * 10);
    expect(got).toHaveLength(1);
  });

  test("what cannot be sent is told once, tried again after a pause, and never holds anything", async () => {
    let status = 500;
    const { url, got } = webhook(() => new Response("", { status }));
    const { made, tell } = alarms({ url });
    await tell(bodyOf("run"), 0);
    await tell(outage, 10);
    await tell(undefined, 11);
    expect([got.length, made.waiting]).toEqual([1, 1]);
    await tell(bodyOf("disk", { state: "journal-lost" }), 20);
    expect([got.length, made.waiting]).toEqual([2, 2]);
    status = 204;
    await tell(bodyOf("forward"), 60);
    expect([got.length, made.waiting]).toEqual([4, 0]);
    expect(lines.filter((line) => line.includes("cannot be sent"))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("sent again"))).toHaveLength(1);
  });

  test("a server that asks for patience gets it", async () => {
    const { url, got } = webhook(() => new Response("", { status: 429, headers: { "retry-after": "50" } }));
    const { tell } = alarms({ url });
    await tell(bodyOf("run"), 0);
    await tell(outage, 10);
    await tell(bodyOf("forward"), 50);
    expect(got).toHaveLength(1);
    await tell(bodyOf("forward"), 61);
    expect(got).toHaveLength(2);
  });

  test("a redirect is not followed: it may lead anywhere", async () => {
    const other = webhook();
    const { url } = webhook(() => Response.redirect(other.url, 307));
    const { made, tell } = alarms({ url });
    await tell(bodyOf("run"), 0);
    await tell(outage, 10);
    expect([other.got.length, made.waiting]).toEqual([0, 1]);
  });

  test("a restart neither repeats an alarm nor forgets to end it", async () => {
    const memory = new AlarmMemory(folder());
    const before = webhook();
    const first = alarms({ url: before.url, memory });
    await first.tell(bodyOf("run"), 0);
    await first.tell(outage, 10);
    await first.made.close();
    const after = webhook();
    const second = alarms({ url: after.url, memory });
    // While it starts nothing is known, which resolves nothing.
    await second.tell(undefined, 20);
    await second.tell(undefined, 500);
    await second.tell(bodyOf("run"), 510);
    await second.tell(outage, 511);
    expect([before.got.length, after.got.length]).toEqual([1, 0]);
    await second.tell(reached, 520);
    await second.tell(bodyOf("forward"), 641);
    expect(after.got.map(({ body }) => JSON.parse(body).state)).toEqual(["resolved"]);
  });

  test("the end of a run by a failure is told before the process ends", async () => {
    const { url, got } = webhook();
    const { made, tell } = alarms({ url });
    await tell(bodyOf("run"), 0);
    const status = tell(bodyOf("stop", { reason: "chain.not-registered", exit_code: 78 }), 5);
    await made.close();
    await status;
    expect(got.map(({ body }) => JSON.parse(body).alert)).toEqual(["run_failed"]);
  });

  test("a server that never answers holds the end no longer than the last words may take", async () => {
    const { url } = webhook(() => new Promise<Response>(() => {}));
    const { made, tell } = alarms({ url });
    await tell(bodyOf("run"), 0);
    void tell(outage, 10);
    const since = performance.now();
    await made.close();
    expect(performance.now() - since).toBeLessThan(2_000);
  });
});

describe("the address of alarms", () => {
  test("is in no line of the log, however the sending fails", async () => {
    const failing = [
      webhook(() => new Response(SECRET, { status: 404 })).url,
      webhook(() => Response.redirect(`http://127.0.0.1/${SECRET}`, 302)).url,
      `http://127.0.0.1:9/${SECRET}`,
      `http://nowhere.invalid/${SECRET}`,
    ];
    for (const url of failing) {
      const { tell } = alarms({ url });
      await tell(bodyOf("run"), 0);
      await tell(outage, 10);
    }
    for (const reason of ["HTTP status 404", "redirects more", "Unable to connect", "ENOTFOUND"])
      expect(lines.some((line) => line.includes("cannot be sent") && line.includes(reason))).toBe(true);
    expect(lines.join("\n")).not.toContain(SECRET);
  });
});

describe("the forms of alarms", () => {
  const alarm: Alarm = {
    state: "firing",
    alert: {
      name: "model_lost",
      since: "2026-01-01T00:00:00.000Z",
      text: "<!channel> @everyone & é",
      severity: "warning",
    },
    resolvedAt: null,
    validator: { hotkey: "5x", uid: 3, netuid: 1, version: "1" },
  };

  test.each([
    ["https://discord.com/api/webhooks/1/x", "discord"],
    ["https://hooks.slack.com/services/x", "slack"],
    ["https://ntfy.sh/topic", "ntfy"],
    ["https://ntfy.example.org/topic", "ntfy"],
    ["https://example.org/discord.com", "json"],
    ["https://notdiscord.com/", "json"],
  ] as const)("%s is %s", (url, form) => expect(formOfUrl(url)).toBe(form));

  test("let no text call out people", () => {
    expect(JSON.parse(uploadOf(alarm, "discord").body)).toMatchObject({ allowed_mentions: { parse: [] } });
    expect(JSON.parse(uploadOf(alarm, "slack").body).text).toContain("&lt;!channel&gt; @everyone &amp; é");
  });

  test("ntfy gets plain text, and headers that HTTP takes", () => {
    const { body, headers } = uploadOf(alarm, "ntfy");
    expect(body).toStartWith("openvalidator uid 3 of subnet 1: warning: model_lost: ");
    expect(headers).toMatchObject({
      priority: "4",
      title: "openvalidator uid 3 of subnet 1: model_lost firing",
    });
    expect(() => new Headers(headers)).not.toThrow();
    expect(uploadOf({ ...alarm, state: "resolved" }, "ntfy").headers.priority).toBe("3");
  });

  test("`alert test` sends one, and fails with the server", async () => {
    let printed = "";
    const run = (url: string | undefined): Promise<number> =>
      testAlert({
        command: "alert test",
        flags: {},
        environment: url === undefined ? {} : { OPENVALIDATOR_ALERT_URL: url },
        signal: new AbortController().signal,
        print: (text) => {
          printed += text;
        },
      });
    const { url, got } = webhook();
    expect(await run(url)).toBe(0);
    expect(JSON.parse(got[0]!.body)).toMatchObject({ alert: "test", state: "firing" });
    expect(printed).toBe("A test alarm was sent to 127.0.0.1 in the form of json.\n");
    await expect(run(webhook(() => new Response("", { status: 404 })).url)).rejects.toThrow(
      "the alarm server 127.0.0.1 was answered with HTTP status 404",
    );
    await expect(run(undefined)).rejects.toThrow("no alert.url is set");
  });
});
