import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EventFeed } from "../../src/events/feed.ts";
import { PROMETHEUS_RULES, type PrometheusRule, rulesFile } from "../../src/telemetry/alert-rules.ts";
import { dashboard, dashboardQueries } from "../../src/telemetry/dashboard.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { ALERTS } from "../../src/telemetry/status.ts";
import { StatusFold } from "../../src/telemetry/status-fold.ts";
import { IDENTITY } from "../events/bodies.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("rules");
const hasPromtool = Bun.which("promtool") !== null;

/** Names that /metrics has, each with those of a histogram's parts. */
function exposedNames(): Set<string> {
  const feed = new EventFeed({ journal: undefined, identity: IDENTITY, block: () => 1 });
  const fold = new StatusFold();
  const { registry } = new Metrics({ status: () => fold.snapshot(0), feed: () => feed.state, perUid: true });
  const names = registry
    .getMetricsAsArray()
    .flatMap(({ name, type }) =>
      String(type) === "histogram" ? ["_bucket", "_sum", "_count"].map((part) => name + part) : [name],
    );
  return new Set(names);
}

function promtool(...words: string[]): [number, string] {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["promtool", ...words]);
  return [exitCode, `${stdout}${stderr}`];
}
const written = (content: string): string => {
  const path = join(folder(), "rules.yml");
  writeFileSync(path, content);
  return path;
};
const NAME = /\b(?:openvalidator|process)_[a-z_]+/g;

describe("dashboard and rules", () => {
  test("name no metric that /metrics does not have", () => {
    const exposed = exposedNames();
    const texts = [
      ...dashboardQueries(),
      ...PROMETHEUS_RULES.map(({ expr }) => expr),
      JSON.stringify(dashboard()),
    ];
    const named = texts.flatMap((text) => text.match(NAME) ?? []);
    expect(named.length).toBeGreaterThan(40);
    expect([...new Set(named)].filter((name) => !exposed.has(name))).toEqual([]);
  });

  test("there is a rule for every alert", () => {
    const all = PROMETHEUS_RULES.map(({ expr }) => expr).join("\n");
    for (const name of ALERTS) expect(all).toContain(`"${name}"`);
  });

  test("panels do not cover each other", () => {
    const { panels } = dashboard() as {
      panels: { gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    const taken = new Set<string>();
    for (const { gridPos: at } of panels)
      for (let x = at.x; x < at.x + at.w; x++)
        for (let y = at.y; y < at.y + at.h; y++) {
          expect(x < 24 && !taken.has(`${x},${y}`)).toBe(true);
          taken.add(`${x},${y}`);
        }
  });

  test.skipIf(!hasPromtool)("promtool finds the rules good", () => {
    const [exit, text] = promtool("check", "rules", written(rulesFile()));
    expect([exit, text]).toEqual([
      0,
      expect.stringContaining(`SUCCESS: ${PROMETHEUS_RULES.length} rules found`),
    ]);
  });

  test.skipIf(!hasPromtool)("promtool can read every query of the dashboard", () => {
    const rules = dashboardQueries().map(
      (expr, index): PrometheusRule => ({
        alert: `Query${index}`,
        expr,
        for: "0s",
        severity: "warning",
        summary: "",
        action: "",
      }),
    );
    expect(promtool("check", "rules", written(rulesFile(rules)))).toEqual([
      0,
      expect.stringContaining(`SUCCESS: ${rules.length} rules found`),
    ]);
  });

  test.skipIf(!hasPromtool)("each rule fires in Prometheus by its cause, and only by it", () => {
    const path = written(rulesFile());
    const causes = [
      ...ALERTS.map((name) => `openvalidator_alert{alert="${name}"}`),
      'up{job="openvalidator"}',
      "openvalidator_events_lost_total",
    ];
    const causedBy = (rule: number): string[] =>
      causes.map((series, index) => {
        const isUp = series.startsWith("up");
        const isCause = index === rule;
        return `      - series: '${series}'\n        values: '${isUp ? (isCause ? "0" : "1") : "0"}${isCause && !isUp ? "+1" : "+0"}x10'`;
      });
    const tests = PROMETHEUS_RULES.map(({ alert }, rule) => {
      const expected = PROMETHEUS_RULES.map((other) => {
        const isFiring = other.alert === alert;
        // The one that watches up has no label but its own; the series' labels come along otherwise.
        const labels = isFiring ? labelsOf(other, causes[rule]!) : "";
        return `      - eval_time: 5m\n        alertname: ${other.alert}\n        exp_alerts: [${labels}]`;
      });
      const values = causedBy(rule).map((line) =>
        causes[rule]!.startsWith("openvalidator_alert") ? line.replace("0+1x10", "1+0x10") : line,
      );
      return `  - interval: 1m\n    input_series:\n${values.join("\n")}\n    alert_rule_test:\n${expected.join("\n")}`;
    });
    const file = join(folder(), "test.yml");
    writeFileSync(
      file,
      `rule_files: [${JSON.stringify(path)}]\nevaluation_interval: 1m\ntests:\n${tests.join("\n")}\n`,
    );
    expect(promtool("test", "rules", file)).toEqual([0, expect.stringContaining("SUCCESS")]);
  });
});

function labelsOf({ severity, summary, action }: PrometheusRule, series: string): string {
  const own = /\{(\w+)="(\w+)"\}/.exec(series);
  const labels = { ...(own && { [own[1]!]: own[2]! }), severity };
  return JSON.stringify({ exp_labels: labels, exp_annotations: { summary, description: action } });
}
