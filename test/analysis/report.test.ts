import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { insightOf } from "../../src/analysis/insight/insight.ts";
import { openWarehouse } from "../../src/analysis/open-warehouse.ts";
import { drawChart } from "../../src/analysis/report/charts.ts";
import { sectionsOf } from "../../src/analysis/report/sections.ts";
import { LIGHT } from "../../src/base/html-page.ts";
import { writeCharts, writeReport } from "../../src/cli/analysis-files.ts";
import { scratchFolders } from "../scratch.ts";
import { BrowserPage, CHROMIUM } from "../telemetry/live/chromium.ts";
import { eventsOfRun, HOSTILE } from "../telemetry/live/subnet.ts";

/** Where to leave pictures for people to look at; none are made without it. */
const PICTURES = Bun.env.OPENVALIDATOR_TEST_PICTURES;
const scratch = scratchFolders("report");

/** A report of a run in which a miner answers with what breaks a page, and one model has such a name. */
async function hostileReport(): Promise<{ report: string; charts: string; count: number }> {
  const folder = scratch();
  const journal = join(folder, "events.jsonl");
  const events = eventsOfRun(16, 60).map((event) =>
    event.kind === "step"
      ? { ...event, [`${HOSTILE}_mask`]: event.rewards.map((_, at) => (at % 2 ? 0 : 1)) }
      : event,
  );
  await Bun.write(journal, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  const opened = await openWarehouse({ words: [journal], own: () => "", downloads: "", temporary: folder });
  try {
    const insight = await insightOf(opened.warehouse, { top: 20 });
    const sections = sectionsOf(insight);
    const report = join(folder, "report.html");
    const charts = join(folder, "charts");
    await writeReport(report, insight, sections, `a source <b>${HOSTILE}</b>\n`);
    return { report, charts, count: await writeCharts(charts, sections) };
  } finally {
    opened.close();
  }
}

test("figures that are near enough are told as such wherever they stand, and no others", async () => {
  const folder = scratch();
  const journal = join(folder, "events.jsonl");
  const lines = eventsOfRun(16, 60).map((event) => `${JSON.stringify(event)}\n`);
  await Bun.write(journal, lines.join(""));
  const opened = await openWarehouse({ words: [journal], own: () => "", downloads: "", temporary: folder });
  const insight = await insightOf(opened.warehouse, { top: 20 }).finally(() => opened.close());
  expect(JSON.stringify(sectionsOf(insight))).not.toContain("≈");
  const sections = sectionsOf({ ...insight, isApproximate: true });
  const told = sections.filter(({ words }) => words.includes("near enough, not exact (≈)"));
  expect(told.map(({ id }) => id)).toEqual(["leaderboard", "latency", "distributions", "stages", "runs"]);
  // Nobody is named for the fewest different texts where all have as many as answers.
  const diversityOf = (distinctByLetters: number): string =>
    sectionsOf({ ...insight, diversity: [{ ...insight.diversity[0]!, distinctByLetters }] }).find(
      ({ id }) => id === "diversity",
    )!.words;
  expect(diversityOf(0.5)).toContain("has the fewest, 50 %.");
  expect(diversityOf(1)).toContain("; here nobody has fewer than answers.");
  const titles = sections.flatMap(({ tables }) => tables.flatMap(({ columns }) => columns));
  const near = titles.filter(({ title }) => title.startsWith("≈ "));
  expect(near).toHaveLength(12);
  expect(titles.filter(({ title }) => /^(?:median\b|\d+ %$)/.test(title))).toEqual([]);
});

describe("a report of hostile texts", () => {
  let made: Awaited<ReturnType<typeof hostileReport>>;
  beforeAll(async () => {
    made = await hostileReport();
  });

  test("is one document that names nothing outside, with every text escaped", async () => {
    const html = await Bun.file(made.report).text();
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html.includes("<img src=x")).toBe(false);
    expect(html.includes("\u202e")).toBe(false);
    expect(html.match(/(?:src|href|srcset)="(?!data:|#)/)).toBeNull();
    expect(html.includes("&lt;img src=x onerror=")).toBe(true);
  });

  test("has each chart as a file of its own, in which nothing runs", async () => {
    const files = await Array.fromAsync(new Bun.Glob("*.svg").scan(made.charts));
    expect(files).toHaveLength(made.count);
    expect(made.count).toBeGreaterThan(10);
    for (const file of files) {
      const svg = await Bun.file(join(made.charts, file)).text();
      expect(svg).toStartWith("<svg ");
      expect(svg.match(/<script|<image|<foreignObject|<[^>]*\son\w+=|href="(?!#)/)).toBeNull();
    }
  });
});

test("a chart of hostile names holds them as text", () => {
  const points = [
    [0, 1],
    [1000, 2],
  ] as const;
  const series = [HOSTILE, "b"].map((name) => ({ name, points }));
  const svg = drawChart(
    { id: "x", title: "t", form: "count", kind: "lines", series },
    { colours: LIGHT, width: 640 },
  );
  expect(svg).not.toContain("<img");
  expect(svg).toContain("&lt;img");
});

describe.skipIf(CHROMIUM === undefined)("in Chromium the report", () => {
  let page: BrowserPage;
  let url: string;
  beforeAll(async () => {
    url = `file://${(await hostileReport()).report}`;
    page = await BrowserPage.open({ width: 1280, height: 900, scheme: "light" });
  }, 30_000);
  afterAll(() => page?.[Symbol.asyncDispose]());

  const open = async (): Promise<void> => {
    page.forget();
    await page.go("about:blank");
    await page.go(url);
    await page.until(
      `location.href === ${JSON.stringify(url)} && document.readyState === 'complete' && document.images.length > 10 && [...document.images].every((image) => image.complete && image.naturalWidth > 0)`,
    );
  };
  const expectClean = (): void => {
    expect(page.errors).toEqual([]);
    expect(
      page.requests.filter(
        (address) => !address.startsWith("data:") && ![url, "about:blank"].includes(address),
      ),
    ).toEqual([]);
  };
  const column = (table: string, at: number): string =>
    `[...document.querySelectorAll('#${table} tbody tr:not([hidden])')].map((row) => row.cells[${at}].textContent)`;

  test.each([
    ["light", 1280, "light"],
    ["dark", 1280, "dark"],
    ["phone", 400, "light"],
    ["phone-dark", 400, "dark"],
  ] as const)(
    "%s is whole, as wide as the screen, without an error or a request to elsewhere",
    async (name, width, scheme) => {
      await page.look({ width, height: 900, scheme });
      await open();
      expect(
        await page.value<number>("document.documentElement.scrollWidth - innerWidth"),
      ).toBeLessThanOrEqual(0);
      expect(await page.value<number>("document.querySelectorAll('main > section').length")).toBe(15);
      expect(await page.value<string>("typeof window.pwned")).toBe("undefined");
      expect(await page.value<string>("document.getElementById('frequent').textContent")).toContain(
        "<script>window.pwned=1</script>",
      );
      const shown = await page.value<string>("document.images[0].currentSrc");
      expect(atob(shown.split(",")[1]!)).toContain(`width="${width < 560 ? 380 : 640}"`);
      expectClean();
      if (PICTURES) await page.screenshot(join(PICTURES, `report-${name}.png`), true);
    },
    20_000,
  );

  test("runs nothing that does not belong to it", async () => {
    await open();
    await page.value(
      "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.pwned = 1' }))",
    );
    expect(await page.value<string>("typeof window.pwned")).toBe("undefined");
    expect(page.errors.join()).toContain("Content Security Policy");
  }, 20_000);

  test("sorts and filters its tables by keyboard, and says so", async () => {
    await page.look({ width: 1280, height: 900, scheme: "light" });
    await open();
    await page.value("document.querySelector('#leaderboard-0 thead [data-column=\"0\"]').focus()");
    await page.press("Enter");
    await page.until(
      "document.querySelector('#leaderboard-0 [aria-sort]').getAttribute('aria-sort') === 'descending'",
    );
    const uids = (await page.value<string[]>(column("leaderboard-0", 0))).map(Number);
    expect(uids).toEqual([...uids].sort((a, b) => b - a));
    await page.press("Enter");
    await page.until(
      "document.querySelector('#leaderboard-0 [aria-sort]').getAttribute('aria-sort') === 'ascending'",
    );
    expect((await page.value<string[]>(column("leaderboard-0", 0))).map(Number)).toEqual(uids.toReversed());
    expect(await page.value<string>("document.getElementById('say').textContent")).toBe(
      "Miners: sorted by uid, ascending",
    );
    // A miner that did not answer has no time, and stands last either way.
    await page.value("document.querySelector('#leaderboard-0 thead [data-column=\"6\"]').click()");
    expect((await page.value<string[]>(column("leaderboard-0", 6))).at(-1)).toBe("–");
    await page.press("/");
    expect(await page.value<string>("document.activeElement.dataset.table")).toBe("leaderboard-0");
    await page.send("Input.insertText", { text: "5xxa" });
    await page.until("document.querySelectorAll('#leaderboard-0 tbody tr:not([hidden])').length === 1");
    expect(await page.value<string[]>(column("leaderboard-0", 0))).toEqual(["10"]);
    expect(await page.value<string>("document.querySelector('#leaderboard .count').textContent")).toBe(
      "1 of 16",
    );
    expectClean();
  }, 20_000);

  test("has a name for everything that can be reached, and words for every chart", async () => {
    await open();
    const nodes = await page.accessible();
    const roles = new Set(nodes.map(({ role }) => role));
    for (const role of [
      "banner",
      "navigation",
      "main",
      "region",
      "table",
      "columnheader",
      "rowheader",
      "searchbox",
      "contentinfo",
    ])
      expect(roles).toContain(role);
    const nameless = nodes.filter(
      ({ role, name, isFocusable }) =>
        (role === "image" || isFocusable) && !["RootWebArea", "main"].includes(role ?? "") && !name,
    );
    expect(nameless.map(({ role }) => role)).toEqual([]);
  }, 20_000);

  test("prints whole tables, and no buttons of its own", async () => {
    await open();
    await page.send("Emulation.setEmulatedMedia", { media: "print", features: [] });
    expect(
      await page.value<number>(
        "[...document.querySelectorAll('.scroll')].filter((box) => box.scrollHeight > box.clientHeight + 2).length",
      ),
    ).toBe(0);
    expect(await page.value<string>("getComputedStyle(document.querySelector('nav')).display")).toBe("none");
    if (PICTURES) await page.screenshot(join(PICTURES, "report-print.png"), true);
    await page.send("Emulation.setEmulatedMedia", { media: "" });
  }, 20_000);
});
