import { DARK, escapeHtml, LIGHT, policyOf, themed } from "../../base/html-page.ts";
import { printable } from "../../base/text.ts";
import { drawChart, isDrawn } from "./charts.ts";
import page from "./report.html" with { type: "text" };
import {
  type Cell,
  type Chart,
  type Column,
  cellText,
  isNumeric,
  type Section,
  type Table,
} from "./section.ts";

/** The compiler types an .html import as a bundle of a site, but `{ type: "text" }` makes it the text. */
const PAGE = themed(page as unknown as string);

export interface ReportFacts {
  /** Numbers at its head: [name, value]. */
  facts: readonly (readonly [string, string])[];
  /** What was read, one sentence. */
  sources: string;
  /** Milliseconds since 1970. */
  madeMs: number;
  /** Version of this program. */
  version: string;
}

/** Drawn twice: what is read on a telephone would be too small otherwise, pixels. */
const WIDE = 640;
const NARROW = 380;
/** A page with more rows is slow to sort; the whole is in --json. */
const MAX_ROWS = 2000;
/** Longest text; a frequent answer comes with 300. */
const MAX_CHARACTERS = 1000;
/** Fewer rows need no search. */
const SEARCHED_ROWS = 8;

/**
 * The report as one HTML document that loads nothing and runs nothing but its own script: texts of strangers are escaped,
 * charts are pictures, in which nothing can run, and a policy by hashes holds even where one were not.
 */
export function reportPage(
  sections: readonly Section[],
  { facts, sources, madeMs, version }: ReportFacts,
): string {
  const parts: Record<string, string> = {
    policy: escapeHtml(policyOf(PAGE)),
    made: shown(cellText(madeMs, "time")),
    version: shown(version),
    sources: shown(sources),
    facts: facts
      .map(([name, value]) => `<div><dt>${shown(name)}</dt><dd>${shown(value)}</dd></div>`)
      .join(""),
    contents: sections.map(({ id, title }) => `<li><a href="#${id}">${shown(title)}</a></li>`).join(""),
    sections: sections.map(sectionHtml).join("\n"),
  };
  return PAGE.replace(
    /<!-- (\w+) -->|\{\{(\w+)\}\}/g,
    (mark, a?: string, b?: string) => parts[a ?? b ?? ""] ?? mark,
  );
}

function sectionHtml({ id, title, words, charts, tables }: Section): string {
  const figures = charts.filter(isDrawn).map(figureHtml).join("\n");
  const told = tables
    .filter(({ rows }) => rows.length > 0)
    .map((table, at) => tableHtml(table, `${id}-${at}`));
  return `<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${shown(title)}</h2>
<p class="words">${shown(words)}</p>
${figures === "" ? "" : `<div class="charts">${figures}</div>`}
${told.join("\n")}
</section>`;
}

function figureHtml(chart: Chart): string {
  const source = (svg: string): string => `data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}`;
  const drawn = (colours: typeof LIGHT, width: number): string =>
    source(drawChart(chart, { colours, width }));
  const dark = "screen and (prefers-color-scheme: dark)";
  const narrow = "screen and (max-width: 560px)";
  return `<figure><figcaption>${shown(chart.title)}</figcaption><picture>
<source media="${dark} and (max-width: 560px)" srcset="${drawn(DARK, NARROW)}">
<source media="${dark}" srcset="${drawn(DARK, WIDE)}">
<source media="${narrow}" srcset="${drawn(LIGHT, NARROW)}">
<img src="${drawn(LIGHT, WIDE)}" alt="${shown(altOf(chart))}"></picture></figure>`;
}

/** What a chart shows, for who does not see it; the numbers themselves are in the tables. */
function altOf(chart: Chart): string {
  if (chart.kind === "matrix")
    return `${chart.title} of ${chart.names.length} numbers, as in the table of pairs.`;
  if (chart.kind === "bars") {
    const most = chart.values.reduce<number>(
      (best, value, at) => ((value ?? -Infinity) > (chart.values[best] ?? -Infinity) ? at : best),
      0,
    );
    return `${chart.title}: ${chart.values.length} bars, the highest at ${chart.axis} ${chart.names[most] ?? "–"} with ${cellText(chart.values[most] ?? null, chart.form)}.`;
  }
  const lines = chart.series
    .filter(({ points }) => points.length > 0)
    .map(({ name, points }) => {
      const [first, last] = [points[0]![1], points.at(-1)![1]];
      return `${name} from ${cellText(first, chart.form)} to ${cellText(last, chart.form)}`;
    });
  return `${chart.title}: ${lines.join("; ")}.`;
}

function tableHtml({ title, columns, rows }: Table, id: string): string {
  const kept = rows.slice(0, MAX_ROWS);
  const more =
    rows.length > kept.length
      ? `<p class="quiet">The first ${MAX_ROWS} of ${rows.length} rows; --json has all.</p>`
      : "";
  const search =
    kept.length > SEARCHED_ROWS
      ? `<label class="grow"><span class="hidden">Search ${shown(title)}</span><input type="search" data-table="${id}" placeholder="Search" autocomplete="off" spellcheck="false" maxlength="100"></label>`
      : "";
  const heads = columns.map(
    (column, at) =>
      `<th scope="col"${classOf(column)}><button type="button" data-column="${at}">${shown(column.title)}</button></th>`,
  );
  return `<div class="bar"><h3 id="${id}-title">${shown(title)}</h3><span class="quiet count" aria-live="polite">${kept.length}</span>${search}</div>
<div class="scroll" tabindex="0" role="region" aria-labelledby="${id}-title"><table id="${id}"><caption class="hidden">${shown(title)}</caption>
<thead><tr>${heads.join("")}</tr></thead>
<tbody>${kept.map((row) => rowHtml(row, columns)).join("\n")}</tbody></table></div>${more}`;
}

function rowHtml(row: readonly Cell[], columns: readonly Column[]): string {
  const cells = row.map((cell, at) => {
    const column = columns[at]!;
    const tag = at === 0 ? "th" : "td";
    const scope = at === 0 ? ' scope="row"' : "";
    const value = typeof cell === "number" ? ` data-value="${cell}"` : cell === null ? ' data-value=""' : "";
    const text =
      column.form === "trend"
        ? trendHtml(cell as readonly (number | null)[])
        : shown(cellText(cell, column.form));
    return `<${tag}${scope}${classOf(column)}${value}>${text}</${tag}>`;
  });
  return `<tr>${cells.join("")}</tr>`;
}

/** A text as the page holds it: what is a stranger's neither ends the markup nor turns the line around. */
function shown(text: string): string {
  return escapeHtml(printable(text, MAX_CHARACTERS));
}

/** A small line without axes; where it goes is told in words. */
function trendHtml(values: readonly (number | null)[]): string {
  const numbers = values.filter((value) => value !== null);
  if (numbers.length === 0) return "–";
  const low = Math.min(...numbers);
  const range = Math.max(...numbers) - low;
  const x = (at: number): number => 2 + (at * 92) / Math.max(1, values.length - 1);
  const y = (value: number): number => (range > 0 ? 17 - ((value - low) / range) * 14 : 10);
  const points = values.flatMap((value, at) =>
    value === null ? [] : [`${x(at).toFixed(1)},${y(value).toFixed(1)}`],
  );
  const [first, last] = [numbers[0]!, numbers.at(-1)!].map((value) => cellText(value, "number"));
  const mark =
    points.length === 1 ? `<circle cx="2" cy="10" r="2"/>` : `<polyline points="${points.join(" ")}"/>`;
  return `<svg class="spark" viewBox="0 0 96 20" role="img" aria-label="from ${first} to ${last}">${mark}</svg>`;
}

function classOf({ form }: Column): string {
  if (isNumeric(form)) return ' class="r"';
  return form === "time" || form === "key" ? ' class="mono"' : ` class="${form}"`;
}
