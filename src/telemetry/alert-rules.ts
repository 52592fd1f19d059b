import { ALERTS, type Alert, type AlertName } from "./status.ts";

interface RuleText {
  severity: Alert["severity"];
  /** One sentence, and one on what to do. */
  summary: string;
  action: string;
}

/** What Prometheus tells of each alert; the validator's own text has the numbers. */
const TEXTS: Readonly<Record<AlertName, RuleText>> = {
  weights_overdue: {
    severity: "critical",
    summary: "No weights were set for one and a half epochs.",
    action: "`openvalidator status` says what they wait for.",
  },
  reveal_missing: {
    severity: "critical",
    summary: "The chain dropped committed weights.",
    action: "The next epoch sends new ones; look at the log when it happens again.",
  },
  answer_rate_collapsed: {
    severity: "warning",
    summary: "Far fewer miners answer than usual.",
    action: "`openvalidator miners` shows what they answer; look at the network of this machine too.",
  },
  miners_unreachable: {
    severity: "critical",
    summary: "No miner gives evidence, so scores stand still.",
    action: "Look at the network of this machine.",
  },
  clock_off: {
    severity: "critical",
    summary: "The clock of this machine is wrong, and miners refuse its requests.",
    action: "Set it, for example with chrony or systemd-timesyncd.",
  },
  endpoint_lost: {
    severity: "critical",
    summary: "There is no connection to a node that is level with the chain.",
    action: "Give more endpoints to --subtensor.chain_endpoint.",
  },
  disk_low: {
    severity: "warning",
    summary: "The disk under the state folder, or its budget, runs low.",
    action: "Make room, or lower --disk.max.",
  },
  journal_lost: {
    severity: "critical",
    summary: "The journal of events cannot be written.",
    action: "Look at the disk under the state folder.",
  },
  state_not_saved: {
    severity: "critical",
    summary: "The scores cannot be saved.",
    action: "Look at the disk under the state folder.",
  },
  permit_missing: {
    severity: "critical",
    summary: "The hotkey holds no validator permit.",
    action: "More stake brings it back at the next epoch.",
  },
  registration_lost: {
    severity: "critical",
    summary: "The hotkey is no longer registered on the subnet.",
    action: "Register it again.",
  },
  model_lost: {
    severity: "warning",
    summary: "A model was lost.",
    action: "`openvalidator doctor` looks at the devices.",
  },
  steps_silent: {
    severity: "critical",
    summary: "The forward passes hang.",
    action: "Restart the validator, and keep its log.",
  },
  run_failed: {
    severity: "critical",
    summary: "The run ended by a failure.",
    action: "The last lines of the log say which.",
  },
  update_rolled_back: {
    severity: "warning",
    summary: "A release was not well here and was taken back.",
    action: "The release before it runs; `openvalidator status` says why. Tell the project.",
  },
  update_failed: {
    severity: "warning",
    summary: "A release cannot be taken, or could not be taken back.",
    action: "`openvalidator doctor` looks at what updates need; the log says what happened.",
  },
  update_stale: {
    severity: "warning",
    summary: "Nothing was heard of releases for a day.",
    action: "Look at the timer or parent that updates, and with `openvalidator doctor` at the update server.",
  },
};

export interface PrometheusRule {
  alert: string;
  expr: string;
  /** How long it has to be so. */
  for: string;
  severity: Alert["severity"];
  summary: string;
  action: string;
}

/** Rules for what the validator knows of itself, and for what only an observer can know: that it is gone. */
export const PROMETHEUS_RULES: readonly PrometheusRule[] = [
  ...ALERTS.map((name) => ({
    alert: `Openvalidator${camelOf(name)}`,
    expr: `openvalidator_alert{alert="${name}"} == 1`,
    // The rules of the validator have their own patience.
    for: "0s",
    ...TEXTS[name],
  })),
  {
    alert: "OpenvalidatorDown",
    expr: 'up{job="openvalidator"} == 0',
    for: "2m",
    severity: "critical",
    summary: "The validator cannot be scraped.",
    action: "Look whether it runs: `openvalidator status`.",
  },
  {
    alert: "OpenvalidatorEventsLost",
    expr: "increase(openvalidator_events_lost_total[15m]) > 0",
    for: "0s",
    severity: "warning",
    summary: "Events are in no journal.",
    action: "Look at the disk under the state folder.",
  },
];

/** The rules as a file for `rule_files` of prometheus.yml. Every text is quoted as JSON does, which YAML reads alike. */
export function rulesFile(rules: readonly PrometheusRule[] = PROMETHEUS_RULES): string {
  const lines = rules.flatMap(({ alert, expr, for: held, severity, summary, action }) => [
    `      - alert: ${alert}`,
    `        expr: ${JSON.stringify(expr)}`,
    `        for: ${held}`,
    "        labels:",
    `          severity: ${severity}`,
    "        annotations:",
    `          summary: ${JSON.stringify(summary)}`,
    `          description: ${JSON.stringify(action)}`,
  ]);
  return [
    "# Alert rules of openvalidator, for a scrape job of this name:",
    "#   - job_name: openvalidator",
    '#     static_configs: [{ targets: ["127.0.0.1:9101"] }]',
    "groups:",
    "  - name: openvalidator",
    "    rules:",
    ...lines,
    "",
  ].join("\n");
}

function camelOf(name: string): string {
  return name.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());
}
