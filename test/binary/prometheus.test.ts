import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PROMETHEUS_RULES, rulesFile } from "../../src/telemetry/alert-rules.ts";
import { dashboardQueries } from "../../src/telemetry/dashboard.ts";
import { BUILD_TIMEOUT_MS, builtBinary, type Scratch, scratch } from "./built.ts";
import { type Running, readEvents, type Subnet, start, startSubnet, waitFor } from "./subnet.ts";

const TIMEOUT_MS = 120_000;
/** The least that there can be, and a strange file that takes nearly all of it (a hole, no bytes of this disk). */
const DISK_BUDGET = "100 MB";
const STRANGE_FILE_BYTES = 97_000_000;

/** A port that nobody listens on now. */
function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = server;
  server.stop(true);
  return port!;
}

describe.skipIf(Bun.which("prometheus") === null)(
  "a Prometheus that watches a validator on a local subnet",
  () => {
    let place: Scratch;
    let subnet: Subnet;
    let validator: Running;
    let prometheus: Running;
    let base: string;

    /** What Prometheus answers to a question of its HTTP interface; undefined while it is not up. */
    async function ask<T>(path: string): Promise<T | undefined> {
      const answer = await fetch(`${base}/api/v1/${path}`).catch(() => undefined);
      const body = (await answer?.json().catch(() => undefined)) as { status: string; data: T } | undefined;
      return body?.status === "success" ? body.data : undefined;
    }

    const resultOf = async (query: string): Promise<unknown[]> =>
      (await ask<{ result: unknown[] }>(`query?query=${encodeURIComponent(query)}`))?.result ?? [];

    /** "pending" or "firing"; undefined while all is well. */
    const stateOf = async (alert: string): Promise<string | undefined> => {
      const found = await ask<{ alerts: { labels: { alertname: string }; state: string }[] }>("alerts");
      return found?.alerts.find(({ labels }) => labels.alertname === alert)?.state;
    };

    async function until<T>(
      what: string,
      look: () => Promise<T | undefined>,
      timeoutMs = 20_000,
    ): Promise<T> {
      for (const end = Date.now() + timeoutMs; ; await Bun.sleep(100)) {
        const found = await look();
        if (found !== undefined) return found;
        if (Date.now() > end) throw new Error(`no ${what}:\n${prometheus.output().slice(-2_000)}`);
      }
    }

    beforeAll(async () => {
      const binary = await builtBinary();
      place = scratch();
      const flags = ["--miners", "4", "--block-time", "0.25", "--tempo", "20", "--characters", "good,terse"];
      subnet = await startSubnet([binary], place, flags);
      const port = freePort();
      validator = start(
        [
          binary,
          ...[...subnet.runArguments, "--neuron.device", "cpu", "--metrics.port", String(port)],
          // The disk is looked at as often as the state is saved.
          ...["--disk.max", DISK_BUDGET, "--neuron.checkpoint_block_length", "4"],
        ],
        place,
      );
      writeFileSync(join(place.root, "rules.yml"), rulesFile());
      writeFileSync(
        join(place.root, "prometheus.yml"),
        `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: openvalidator
    static_configs: [{targets: ["127.0.0.1:${port}"]}]
`,
      );
      const address = `127.0.0.1:${freePort()}`;
      base = `http://${address}`;
      prometheus = start(
        [
          Bun.which("prometheus")!,
          `--config.file=${join(place.root, "prometheus.yml")}`,
          `--storage.tsdb.path=${join(place.root, "tsdb")}`,
          `--web.listen-address=${address}`,
        ],
        place,
      );
      const isIncluded = (): true | undefined =>
        readEvents(place.root).some(({ kind, state }) => kind === "weights" && state === "included") ||
        undefined;
      await waitFor("weights on chain", validator, isIncluded, TIMEOUT_MS);
      const weights = 'openvalidator_weights_total{state="included"} > 0';
      await until("scrape of the weights", async () =>
        (await resultOf(weights)).length > 0 ? true : undefined,
      );
    }, BUILD_TIMEOUT_MS + TIMEOUT_MS);

    afterAll(async () => {
      await prometheus?.stop();
      await validator?.stop("SIGKILL");
      await subnet?.running.stop("SIGKILL");
      place?.remove();
    });

    test("loads the rules, and none of them fires", async () => {
      const found = await until("rules", () =>
        ask<{ groups: { rules: { name: string; state: string }[] }[] }>("rules"),
      );
      const rules = found.groups.flatMap((group) => group.rules);
      expect(rules.map(({ name }) => name).sort()).toEqual(PROMETHEUS_RULES.map(({ alert }) => alert).sort());
      expect(rules.filter(({ state }) => state === "firing")).toEqual([]);
    });

    test(
      "answers every query of the dashboard with data",
      async () => {
        const empty: string[] = [];
        for (const query of dashboardQueries()) {
          // What is wrong, which is nothing yet.
          if (query.includes("openvalidator_alert{")) continue;
          // Told where releases are looked for, which a program without update keys cannot do.
          if (/openvalidator_update_(?!rollbacks)/.test(query)) continue;
          const found = await until(`answer to ${query}`, async () => {
            const result = await resultOf(query);
            return result.length > 0 ? result : undefined;
          }).catch(() => []);
          if (found.length === 0) empty.push(query);
        }
        expect(empty).toEqual([]);
      },
      TIMEOUT_MS,
    );

    test(
      "fires the alert whose cause is there, answers the panel of alerts with it, and is quiet when it is gone",
      async () => {
        const [journal] = new Bun.Glob("**/events.jsonl").scanSync({
          cwd: place.root,
          dot: true,
          absolute: true,
        });
        const strange = join(dirname(dirname(journal!)), "strange.tar");
        const panel = dashboardQueries().find((query) => query.includes("openvalidator_alert{"))!;
        expect(await resultOf(panel)).toEqual([]);
        writeFileSync(strange, "");
        truncateSync(strange, STRANGE_FILE_BYTES);
        await until("alert of the disk", async () =>
          (await stateOf("OpenvalidatorDiskLow")) === "firing" ? true : undefined,
        );
        expect(await resultOf(panel)).toMatchObject([{ metric: { alert: "disk_low" } }]);
        rmSync(strange);
        await until("end of the alert", async () =>
          (await stateOf("OpenvalidatorDiskLow")) === undefined ? true : undefined,
        );
      },
      TIMEOUT_MS,
    );

    test(
      "waits for the validator that is gone before it calls anybody",
      async () => {
        await validator.stop("SIGKILL");
        const { alert } = PROMETHEUS_RULES.find(({ expr }) => expr.startsWith("up{"))!;
        expect(await until("alert", () => stateOf(alert))).toBe("pending");
      },
      TIMEOUT_MS,
    );
  },
);
