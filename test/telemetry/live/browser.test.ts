import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { LivePage } from "../../../src/telemetry/live/live.ts";
import { MinerBook } from "../../../src/telemetry/live/miner-book.ts";
import { json, TelemetryServer } from "../../../src/telemetry/server.ts";
import { BrowserPage, CHROMIUM } from "./chromium.ts";
import { statusAfter } from "./status.ts";
import { chainLost, eventsOfRun, HOSTILE, hotkeyOf } from "./subnet.ts";

/** Where to leave pictures for people to look at; none are made without it. */
const PICTURES = Bun.env.OPENVALIDATOR_TEST_PICTURES;
const READY =
  "document.querySelectorAll('#rows tr').length > 1 && document.querySelector('#curve svg') !== null";

/** The page behind the server of a validator, which was told of a run; `isLost`: the chain went away two minutes ago. */
function serve(miners: number, { isLost = false, port = 0, steps = 60 } = {}) {
  const book = new MinerBook();
  const live = new LivePage(book);
  const run = steps === 0 ? [] : eventsOfRun(miners, steps);
  const events = isLost ? [...run, chainLost(run)] : run;
  for (const event of events) {
    book.apply(event);
    live.apply(event);
  }
  const server = new TelemetryServer(
    port,
    new Map([
      ["/", () => live.page()],
      ["/events", (request: Request) => live.events(request)],
      ["/api/miner", (request: Request) => live.miner(request)],
      ["/api/status", () => json(statusAfter(events, isLost ? 120 : 1))],
    ]),
  );
  return {
    url: `http://127.0.0.1:${server.port}/`,
    live,
    stop: async () => {
      live.close();
      await server.close();
    },
  };
}

describe.skipIf(CHROMIUM === undefined)("in Chromium the page", () => {
  let page: BrowserPage;
  beforeAll(async () => {
    page = await BrowserPage.open({ width: 1280, height: 900, scheme: "light" });
  }, 30_000);
  afterAll(() => page?.[Symbol.asyncDispose]());

  const open = async (url: string): Promise<void> => {
    page.forget();
    await page.go(url);
    await page.until(`location.href === ${JSON.stringify(url)} && ${READY}`);
  };
  /** Served until the test ends; the page leaves before, for a lost connection is an error to it. */
  const served = (miners: number, isLost = false) => {
    const { stop, ...more } = serve(miners, { isLost });
    const leave = async (): Promise<void> => {
      await page.go("about:blank");
      await page.until("location.href === 'about:blank'");
      await stop();
    };
    return { ...more, [Symbol.asyncDispose]: leave };
  };
  const picture = async (name: string): Promise<void> => {
    if (PICTURES) await page.screenshot(join(PICTURES, `${name}.png`));
  };
  const expectClean = (url: string): void => {
    expect(page.errors).toEqual([]);
    expect(page.requests.filter((address) => !address.startsWith(url) && address !== "data:,")).toEqual([]);
  };

  test.each([
    ["16-light", 16, 1280, 900, "light", false],
    ["16-dark", 16, 1280, 900, "dark", false],
    ["256-light", 256, 1920, 1080, "light", false],
    ["256-dark", 256, 1280, 900, "dark", false],
    ["400px-light", 16, 400, 900, "light", false],
    ["400px-dark", 256, 400, 900, "dark", false],
    ["4k-dark", 256, 3840, 2160, "dark", false],
    ["lost-light", 16, 1280, 900, "light", true],
    ["lost-400px", 16, 400, 900, "light", true],
  ] as const)(
    "%s is shown whole, without an error and without a request to elsewhere",
    async (name, miners, width, height, scheme, isLost) => {
      await using site = served(miners, isLost);
      await page.look({ width, height, scheme });
      await open(site.url);
      expect(await page.value<number>("document.querySelectorAll('#rows tr').length")).toBe(miners);
      expect(
        await page.value<number>("document.documentElement.scrollWidth - innerWidth"),
      ).toBeLessThanOrEqual(0);
      expect(await page.value<string>("document.getElementById('health').textContent")).toBe(
        isLost ? "not healthy" : "healthy",
      );
      expect(await page.value<boolean>("document.getElementById('alerts').hidden")).toBe(!isLost);
      expectClean(site.url);
      await picture(name);
    },
    20_000,
  );

  test("takes hostile text for text, everywhere", async () => {
    await using site = served(16);
    await open(site.url);
    await page.value("document.querySelector('#rows [data-uid=\"2\"]').click()");
    await page.until("document.querySelector('#miner blockquote') !== null");
    const shown = await page.value<string>("document.querySelector('#miner blockquote').textContent");
    expect(shown).toBe(HOSTILE.replace("\u202e", "\\u{202e}"));
    site.live.apply({
      ...eventsOfRun(1, 0)[1]!,
      kind: "chain",
      state: "lost",
      endpoint: HOSTILE,
      detail: HOSTILE,
      value: null,
    } as never);
    await page.until("document.querySelector('#log .bad') !== null");
    expect(await page.value<string>("document.querySelector('#log .bad').textContent")).toContain(
      "<script>window.pwned=1</script>",
    );
    expect(await page.value<number>("document.querySelectorAll('img, script').length")).toBe(1);
    expect(await page.value<string>("typeof window.pwned")).toBe("undefined");
    expectClean(site.url);
    await picture("why-hostile");
  }, 20_000);

  test("runs nothing that does not belong to it, even where it is put into the document", async () => {
    await using site = served(4);
    await open(site.url);
    await page.value(
      "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.pwned = 1' }))",
    );
    expect(await page.value<string>("typeof window.pwned")).toBe("undefined");
    expect(page.errors.join()).toContain("Content Security Policy");
  }, 20_000);

  test("is used by keyboard: search, sort, open a miner, close it", async () => {
    await using site = served(16);
    await page.look({ width: 1280, height: 900, scheme: "light" });
    await open(site.url);
    await page.press("/");
    expect(await page.value<string>("document.activeElement.id")).toBe("search");
    await page.send("Input.insertText", { text: hotkeyOf(7).slice(0, 9) });
    await page.until("document.querySelectorAll('#rows tr').length === 1");
    expect(await page.value<string>("document.querySelector('#rows button').textContent")).toBe("7");
    await page.value(
      "(() => { const search = document.getElementById('search'); search.value = ''; search.dispatchEvent(new Event('input')); })()",
    );
    await page.value("document.querySelector('#heads [data-sort=\"latency\"]').focus()");
    await page.press("Enter");
    await page.until(
      "document.querySelector('#heads [aria-sort]').getAttribute('aria-sort') === 'descending'",
    );
    expect(await page.value<string>("document.activeElement.dataset.sort")).toBe("latency");
    const latencies = await page.value<number[]>(
      "[...document.querySelectorAll('#rows tr')].map((row) => parseFloat(row.children[4].textContent))",
    );
    expect(latencies).toEqual([...latencies].sort((a, b) => b - a));
    await page.value("document.querySelector('#rows [data-uid=\"3\"]').focus()");
    await page.press("Enter");
    await page.until(
      "document.getElementById('miner').open && document.querySelectorAll('#miner details').length > 0",
    );
    await picture("why");
    await page.press("Escape");
    await page.until("!document.getElementById('miner').open && document.activeElement.dataset.uid === '3'");
    expectClean(site.url);
  }, 20_000);

  test("has a name for everything that can be reached, and tables that a screen reader can tell", async () => {
    await using site = served(16);
    await open(site.url);
    const nodes = await page.accessible();
    const roles = new Set(nodes.map(({ role }) => role));
    for (const role of [
      "banner",
      "main",
      "region",
      "table",
      "columnheader",
      "rowheader",
      "status",
      "searchbox",
    ])
      expect(roles).toContain(role);
    const nameless = nodes.filter(
      ({ role, name, isFocusable }) => isFocusable && role !== "RootWebArea" && !name,
    );
    expect(nameless.map(({ role }) => role)).toEqual([]);
  }, 20_000);

  test("says that it lost the validator, and goes on when that is back", async () => {
    const before = serve(4);
    await open(before.url);
    await page.until("document.getElementById('link').textContent === 'live'");
    await before.stop();
    await page.until("document.getElementById('link').classList.contains('bad')");
    const after = serve(6, { port: Number(new URL(before.url).port) });
    await page.until(
      "document.getElementById('link').textContent === 'live' && document.querySelectorAll('#rows tr').length === 6",
    );
    await page.go("about:blank");
    await page.until("location.href === 'about:blank'");
    await after.stop();
  }, 30_000);

  test("is whole before the first event", async () => {
    const { url, stop } = serve(0, { steps: 0 });
    page.forget();
    await page.go(url);
    await page.until("document.getElementById('health').textContent === 'starting'");
    await page.until(
      "document.querySelector('#curve p') !== null && document.querySelector('#rows td') !== null",
    );
    expectClean(url);
    await page.go("about:blank");
    await stop();
  }, 20_000);
});
