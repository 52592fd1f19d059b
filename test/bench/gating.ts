import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatingLayer } from "../../src/gating/layer.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import { RELEVANCE, simulateRouting } from "../sim/routing.ts";
import { type BenchRow, median } from "./row.ts";

/** Vector size of the embedded encoder. */
const HIDDEN = 384;
const SAMPLE = 50;
const STEPS = 50;
/** Steps of learning before routing is compared with random choice. */
const LEARNT = 160;

/** Mean reward on specialists with routing and without, and what one step of learning costs. */
export async function benchGating(): Promise<BenchRow[]> {
  const directory = mkdtempSync(join(tmpdir(), "ov-bench-"));
  const inference = await InferenceSupervisor.start({ device: "cpu" });
  try {
    const rows: BenchRow[] = [];
    for (const [name, profile] of Object.entries({ embedded: "embedded", relevance: RELEVANCE })) {
      const { random, routed } = await simulateRouting(
        inference,
        {
          profile,
          specialists: 20,
          sampleSize: 4,
          followupSteps: 0,
          learningRate: 1,
          trainingForwards: LEARNT,
          comparedForwards: 30,
          explore: 0,
          seed: 1,
        },
        mkdtempSync(join(directory, "state-")),
      );
      const what = `mean reward of 20 specialists in 5 topics, ${name}`;
      rows.push(
        { name: `${what}, random choice`, value: random, unit: "" },
        { name: `${what}, routed after ${LEARNT} steps`, value: routed, unit: "", ratio: routed / random },
      );
    }
    return [...rows, ...[256, 4096].map(learningRow)];
  } finally {
    await inference.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function learningRow(rows: number): BenchRow {
  const random = seededRandom(1);
  const layer = new GatingLayer({ hidden: HIDDEN, rows, learningRate: 0.01, momentum: 0.9 });
  const encoding = Float32Array.from({ length: HIDDEN }, () => (random() - 0.5) / Math.sqrt(HIDDEN));
  const asked = Array.from({ length: SAMPLE }, (_, index) => (index * 37) % rows);
  const rewards = asked.map(() => random());
  const samples = Array.from({ length: STEPS }, () => {
    const began = performance.now();
    layer.scores(encoding);
    layer.train(encoding, asked, rewards);
    return performance.now() - began;
  });
  return { name: `gating, score and learn from 50 of ${rows} uids`, value: median(samples), unit: "ms" };
}
