import { BarChart, HeatmapChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, VisualMapComponent } from "echarts/components";
import { type EChartsCoreOption, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { Colours } from "../../base/html-page.ts";
import { printable } from "../../base/text.ts";
import { type Chart, cellText, type Form } from "./section.ts";

use([LineChart, BarChart, HeatmapChart, GridComponent, LegendComponent, VisualMapComponent, SVGRenderer]);

export interface ChartLook {
  colours: Colours;
  /** Pixels. */
  width: number;
}

const HEIGHT = 260;
/** Of a row of a matrix, pixels; below it, names. */
const ROW_HEIGHT = 24;
const NAME_SPACE = 130;
const FOOT_SPACE = 96;
/** Of a legend's text and of what stands around it, pixels. */
const LETTER_WIDTH = 7;
const LEGEND_SPACE = 54;
const NAME_CHARACTERS = 40;
const FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif";
const DASHES = ["solid", "dashed", "dotted"] as const;

/** Whether there is anything to draw: a line needs two points, and bars one value. */
export function isDrawn(chart: Chart): boolean {
  if (chart.kind === "lines") return chart.series.some(({ points }) => points.length > 1);
  return chart.values.length > (chart.kind === "matrix" ? 1 : 0);
}

/** A chart as an SVG document, which neither runs nor loads anything; names in it are text. */
export function drawChart(chart: Chart, { colours, width }: ChartLook): string {
  const height = chart.kind === "matrix" ? chart.names.length * ROW_HEIGHT + FOOT_SPACE + 10 : HEIGHT;
  const drawing = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    drawing.setOption({
      animation: false,
      useUTC: true,
      color: [colours.s1, colours.s2, colours.s3, colours.s4, colours.s5],
      textStyle: { fontFamily: FONT, color: colours.soft },
      ...optionOf(chart, colours, width),
    });
    return drawing.renderToSVGString();
  } finally {
    // Its clock would keep the process alive.
    drawing.dispose();
  }
}

function optionOf(chart: Chart, colours: Colours, width: number): EChartsCoreOption {
  switch (chart.kind) {
    case "lines":
      return linesOption(chart, colours, width);
    case "bars":
      return barsOption(chart, colours);
    case "matrix":
      return matrixOption(chart, colours, width);
  }
}

function linesOption(
  { series, form, isStacked }: Extract<Chart, { kind: "lines" }>,
  colours: Colours,
  width: number,
): EChartsCoreOption {
  const shown = series.filter(({ points }) => points.length > 0);
  const legend = {
    type: "plain",
    top: 0,
    left: 0,
    itemWidth: 22,
    itemHeight: 8,
    // The text is measured without the reader's font, and may be wider.
    itemGap: 26,
    icon: isStacked ? "rect" : undefined,
    textStyle: { color: colours.soft },
  };
  const written = shown.reduce((sum, { name }) => sum + name.length * LETTER_WIDTH + LEGEND_SPACE, 0);
  const rows = shown.length > 1 ? Math.ceil(written / width) : 0;
  return {
    legend: shown.length > 1 ? legend : undefined,
    grid: grid(14 + rows * 24),
    xAxis: {
      type: "time",
      ...axis(colours),
      splitLine: { show: false },
      splitNumber: width < 500 ? 3 : 6,
      axisLabel: { color: colours.soft, hideOverlap: true },
    },
    yAxis: {
      type: "value",
      scale: !isStacked && form !== "share" && form !== "count",
      ...(form === "share" ? { max: 1 } : {}),
      ...valueAxis(form, colours),
    },
    series: shown.map(({ name, points }, at) => ({
      type: "line",
      name: label(name),
      symbol: points.length < 3 ? "circle" : "none",
      // Where colours come again, and for those who cannot tell them apart.
      lineStyle: { width: 2, type: isStacked ? "solid" : DASHES[Math.floor(at / 5) % DASHES.length] },
      ...(isStacked ? { stack: "all", areaStyle: { opacity: 0.5 } } : {}),
      data: points.map(([ms, value]) => [ms, value]),
    })),
  };
}

function barsOption(
  { names, values, form, axis: title }: Extract<Chart, { kind: "bars" }>,
  colours: Colours,
): EChartsCoreOption {
  return {
    grid: grid(14, 24),
    xAxis: {
      type: "category",
      data: names.map(label),
      name: label(title),
      nameLocation: "middle",
      nameGap: 26,
      nameTextStyle: { color: colours.soft },
      ...axis(colours),
      axisTick: { alignWithLabel: true },
      axisLabel: { color: colours.soft, hideOverlap: true },
    },
    yAxis: { type: "value", ...valueAxis(form, colours) },
    series: [{ type: "bar", barCategoryGap: "18%", data: [...values] }],
  };
}

function matrixOption(
  { names, values }: Extract<Chart, { kind: "matrix" }>,
  colours: Colours,
  width: number,
): EChartsCoreOption {
  const cells = values.flatMap((row, y) =>
    row.map((value, x) => [x, y, value === null ? "-" : Number(value.toFixed(2))]),
  );
  const isWide = (width - NAME_SPACE) / names.length >= 34;
  const axisLabel = {
    color: colours.soft,
    width: NAME_SPACE - 10,
    overflow: "truncate" as const,
    interval: 0,
  };
  return {
    grid: { left: NAME_SPACE, right: 10, top: 10, bottom: FOOT_SPACE },
    xAxis: {
      type: "category",
      data: names.map(label),
      ...axis(colours),
      axisLabel: { ...axisLabel, rotate: 60 },
    },
    yAxis: { type: "category", data: names.map(label), inverse: true, ...axis(colours), axisLabel },
    visualMap: {
      show: false,
      min: -1,
      max: 1,
      dimension: 2,
      inRange: { color: [colours.s2, colours.card, colours.s1] },
    },
    series: [{ type: "heatmap", data: cells, label: { show: isWide, color: colours.ink, fontSize: 10 } }],
  };
}

function label(name: string): string {
  return printable(name, NAME_CHARACTERS);
}

function grid(top: number, more = 0) {
  const place = { left: 8, right: 16, top, bottom: 8 + more };
  return { ...place, outerBoundsMode: "same", outerBoundsContain: "axisLabel" };
}

function axis(colours: Colours) {
  return {
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { lineStyle: { color: colours.line } },
  };
}

function valueAxis(form: Form, colours: Colours) {
  return {
    splitNumber: 4,
    ...(form === "count" ? { minInterval: 1 } : {}),
    axisLabel: { color: colours.soft, formatter: (value: number) => axisText(value, form) },
    splitLine: { lineStyle: { color: colours.line } },
  };
}

function axisText(value: number, form: Form): string {
  return form === "reward" ? String(Number(value.toPrecision(4))) : cellText(value, form);
}
