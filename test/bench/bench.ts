import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { messageOf } from "../../src/base/error.ts";
import { configureLog } from "../../src/base/log.ts";
import { oneDevice } from "../../src/config/kinds.ts";
import { VERSION } from "../../src/config/version.ts";
import { benchAnalysis } from "./analysis.ts";
import { benchMetagraph } from "./chain.ts";
import { benchCheaters } from "./cheaters.ts";
import { benchCheckpoints } from "./checkpoints.ts";
import { benchEmbeddings } from "./embeddings.ts";
import { benchEndurance } from "./endurance.ts";
import { benchGating } from "./gating.ts";
import { benchIncentive } from "./incentive.ts";
import { benchInference } from "./inference.ts";
import { benchAsk } from "./miners.ts";
import { benchOwnWords } from "./own-words.ts";
import { benchFirstStep, benchStart } from "./process.ts";
import type { ProfileChoice } from "./profiles.ts";
import { benchReaders } from "./readers.ts";
import { benchRewards } from "./rewards.ts";
import { type BenchRow, renderTable } from "./row.ts";
import { benchStep } from "./step.ts";
import { benchTelemetry } from "./telemetry.ts";
import { benchUpdate } from "./update.ts";
import { benchVerdicts } from "./verdicts.ts";
import { benchWindows } from "./windows.ts";

/** In this order: what measures time at rest comes before what starts many processes. */
const BENCHES: Record<string, (choice: ProfileChoice) => Promise<BenchRow[]>> = {
  start: benchStart,
  metagraph: () => benchMetagraph(),
  windows: benchWindows,
  checkpoints: benchCheckpoints,
  embeddings: benchEmbeddings,
  inference: benchInference,
  step: benchStep,
  telemetry: benchTelemetry,
  gating: benchGating,
  rewards: benchRewards,
  incentive: benchIncentive,
  cheaters: benchCheaters,
  verdicts: benchVerdicts,
  readers: benchReaders,
  "own words": benchOwnWords,
  ask: benchAsk,
  analysis: benchAnalysis,
  "first step": benchFirstStep,
  update: benchUpdate,
  endurance: benchEndurance,
};

/** They take many minutes, and tell of no speed: only by their name. */
const CHECKS: readonly string[] = ["cheaters", "verdicts", "readers", "own words"];

const { positionals: chosen, values: flags } = commandLine();
const choice: ProfileChoice = {
  profiles: flags.profile?.split(","),
  models: flags.models,
  device: flags.device,
  cache: flags.cache,
};
const unknown = chosen.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  process.stderr.write(`no bench ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}\n`);
  process.exit(64);
}

/** `incentive --profile lite,own.json --models FOLDER --device auto --cache FILE`: the flags are for benches of profiles. */
function commandLine() {
  const text = { type: "string" } as const;
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { profile: text, models: text, device: text, cache: text },
    });
    const device = values.device === undefined ? undefined : oneDevice.parse(values.device);
    return { positionals, values: { ...values, device } };
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(64);
  }
}

configureLog({ level: "error", format: "plain" });
const rows: BenchRow[] = [];
let failures = 0;
for (const [name, bench] of Object.entries(BENCHES)) {
  if (chosen.length > 0 ? !chosen.includes(name) : CHECKS.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  try {
    rows.push(...(await bench(choice)));
  } catch (error) {
    failures++;
    process.stderr.write(`${name} failed: ${messageOf(error)}\n`);
  }
}
process.stdout.write(
  `openvalidator ${VERSION}, Bun ${Bun.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}\n\n`,
);
process.stdout.write(`${renderTable(rows)}\n`);
process.exit(failures === 0 ? 0 : 1);
