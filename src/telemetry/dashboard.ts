/** One panel: its queries and how their numbers are read. */
interface Panel {
  title: string;
  /** Of grafana: `s`, `bytes`, `percentunit`, …; `short` unless given. */
  unit?: string;
  kind?: "stat" | "timeseries";
  /** Twenty-fourths of the width. */
  width?: number;
  queries: { expr: string; legend?: string }[];
  /** Words for 0 and 1, with green for 1. */
  isYesNo?: boolean;
}

/** `$instance` is one validator of several. */
const AT = '{instance=~"$instance"}';
const by = (labels: string): string => `{instance=~"$instance",${labels}}`;
const quantile = (share: number, name: string, label = ""): string =>
  `histogram_quantile(${share}, sum by (le${label && `, ${label}`}) (rate(openvalidator_${name}_bucket${AT}[$__rate_interval])))`;

const STAT = { kind: "stat", width: 4 } as const;

const PANELS: readonly Panel[] = [
  { ...STAT, title: "Healthy", isYesNo: true, queries: [{ expr: `openvalidator_healthy${AT}` }] },
  { ...STAT, title: "Validator permit", isYesNo: true, queries: [{ expr: `openvalidator_permit${AT}` }] },
  {
    ...STAT,
    title: "Chain connected",
    isYesNo: true,
    queries: [{ expr: `openvalidator_chain_connected${AT}` }],
  },
  {
    ...STAT,
    title: "Blocks to the next weights",
    queries: [{ expr: `openvalidator_weights_next_block${AT} - openvalidator_chain_head_block${AT}` }],
  },
  { ...STAT, title: "Steps a minute", queries: [{ expr: `openvalidator_steps_per_minute${AT}` }] },
  { ...STAT, title: "Disk free", unit: "bytes", queries: [{ expr: `openvalidator_disk_free_bytes${AT}` }] },
  {
    title: "Alerts that are up",
    width: 24,
    queries: [{ expr: `openvalidator_alert${AT} == 1`, legend: "{{alert}}" }],
  },
  {
    title: "Share of miners that answer",
    unit: "percentunit",
    queries: [
      { expr: `openvalidator_answer_ratio${AT}`, legend: "last 20 steps" },
      { expr: `openvalidator_usual_answer_ratio${AT}`, legend: "usual" },
    ],
  },
  {
    title: "Calls to miners, a second",
    queries: [
      {
        expr: `sum by (outcome) (rate(openvalidator_calls_total${AT}[$__rate_interval]))`,
        legend: "{{outcome}}",
      },
    ],
  },
  {
    title: "Rewards",
    queries: [
      {
        expr: `sum(rate(openvalidator_reward_sum${AT}[$__rate_interval])) / sum(rate(openvalidator_reward_count${AT}[$__rate_interval]))`,
        legend: "mean",
      },
      { expr: quantile(0.9, "reward"), legend: "90 % are below" },
    ],
  },
  { title: "Gating loss", queries: [{ expr: `openvalidator_gating_loss${AT}`, legend: "loss" }] },
  {
    title: "Duration of a step",
    unit: "s",
    queries: [
      { expr: quantile(0.5, "step_duration_seconds"), legend: "half" },
      { expr: quantile(0.95, "step_duration_seconds"), legend: "95 %" },
    ],
  },
  {
    title: "Stages of a step, 95 %",
    unit: "s",
    queries: [{ expr: quantile(0.95, "step_stage_duration_seconds", "stage"), legend: "{{stage}}" }],
  },
  {
    title: "Duration of a forward pass",
    unit: "s",
    queries: [{ expr: quantile(0.5, "forward_duration_seconds"), legend: "half" }],
  },
  {
    title: "Time of answered calls",
    unit: "s",
    queries: [
      { expr: quantile(0.5, "call_duration_seconds"), legend: "half" },
      { expr: quantile(0.95, "call_duration_seconds"), legend: "95 %" },
    ],
  },
  {
    title: "Inference, seconds a second",
    queries: [
      {
        expr: `sum by (part) (rate(openvalidator_inference_seconds_total${AT}[$__rate_interval]))`,
        legend: "{{part}}",
      },
    ],
  },
  {
    title: "Models that can serve",
    queries: [{ expr: `openvalidator_model_up${AT}`, legend: "{{model}} on {{device}}" }],
  },
  {
    title: "Age of the chain's head",
    unit: "s",
    queries: [{ expr: `openvalidator_chain_head_age_seconds${AT}`, legend: "age" }],
  },
  {
    title: "Weights and reveals, an hour",
    queries: [
      {
        expr: `sum by (state) (increase(openvalidator_weights_total${by('state=~"included|refused"')}[1h]))`,
        legend: "weights {{state}}",
      },
      {
        expr: `sum by (state) (increase(openvalidator_reveals_total${by('state!="pending"')}[1h]))`,
        legend: "reveal {{state}}",
      },
    ],
  },
  {
    title: "Memory of the main process",
    unit: "bytes",
    queries: [{ expr: `process_resident_memory_bytes${AT}`, legend: "resident" }],
  },
  {
    title: "CPU of the main process",
    unit: "percentunit",
    queries: [{ expr: `rate(process_cpu_seconds_total${AT}[$__rate_interval])`, legend: "cpu" }],
  },
  {
    title: "Releases",
    queries: [
      { expr: `openvalidator_update_available${AT}`, legend: "a newer one is known of" },
      { expr: `openvalidator_update_pending${AT}`, legend: "one is on trial" },
      { expr: `openvalidator_update_failing${AT}`, legend: "looking or installing fails" },
      { expr: `increase(openvalidator_update_rollbacks_total${AT}[1h])`, legend: "taken back, an hour" },
    ],
  },
  {
    title: "Since the last look for a release",
    unit: "s",
    queries: [{ expr: `openvalidator_update_check_age_seconds${AT}`, legend: "answered" }],
  },
  {
    title: "Events that were lost or missed, an hour",
    queries: [
      { expr: `increase(openvalidator_events_lost_total${AT}[1h])`, legend: "in no journal" },
      { expr: `increase(openvalidator_events_dropped_total${AT}[1h])`, legend: "missed by {{reader}}" },
    ],
  },
];

const COLUMNS = 24;
const DATA_SOURCE = { type: "prometheus", uid: "$datasource" };

/** The queries of the dashboard with what Grafana puts in, as Prometheus itself reads them. */
export function dashboardQueries(): string[] {
  return PANELS.flatMap(({ queries }) =>
    queries.map(({ expr }) => expr.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "5m")),
  );
}

/** A dashboard for Grafana's "import": it asks for the data source, and lists the validators that are scraped. */
export function dashboard(): unknown {
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  const panels = PANELS.map((panel, index) => {
    const { kind = "timeseries", width = 12 } = panel;
    const height = kind === "stat" ? 4 : width === COLUMNS ? 5 : 8;
    if (x + width > COLUMNS) {
      x = 0;
      y += rowHeight;
      rowHeight = 0;
    }
    const gridPos = { x, y, w: width, h: height };
    x += width;
    rowHeight = Math.max(rowHeight, height);
    return panelOf(panel, index + 1, kind, gridPos);
  });
  return {
    title: "openvalidator",
    uid: "openvalidator",
    tags: ["bittensor"],
    schemaVersion: 39,
    timezone: "browser",
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    templating: {
      list: [
        { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" },
        {
          name: "instance",
          label: "Validator",
          type: "query",
          datasource: DATA_SOURCE,
          query: { query: "label_values(openvalidator_build_info, instance)", refId: "instances" },
          refresh: 2,
          includeAll: true,
          multi: true,
          allValue: ".*",
          current: { text: "All", value: "$__all" },
        },
      ],
    },
    panels,
  };
}

function panelOf(
  { title, unit = "short", queries, isYesNo = false }: Panel,
  id: number,
  type: string,
  gridPos: object,
) {
  return {
    id,
    title,
    type,
    gridPos,
    datasource: DATA_SOURCE,
    targets: queries.map(({ expr, legend = "__auto" }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATA_SOURCE,
      expr,
      legendFormat: legend,
    })),
    fieldConfig: { defaults: isYesNo ? YES_NO : { unit }, overrides: [] },
    options:
      type === "stat"
        ? { colorMode: isYesNo ? "background" : "value", reduceOptions: { calcs: ["lastNotNull"] } }
        : {},
  };
}

const YES_NO = {
  unit: "short",
  mappings: [
    {
      type: "value",
      options: { 0: { text: "no", color: "red" }, 1: { text: "yes", color: "green" } },
    },
  ],
};
