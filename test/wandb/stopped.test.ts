import { expect, setDefaultTimeout, test } from "bun:test";
import { syncSpools } from "../../src/telemetry/wandb/sync.ts";
import { capturedLog } from "../captured-log.ts";
import { scratchFolders } from "../scratch.ts";
import { until, wandbDoubles } from "./doubles.ts";
import { KEY, QUICK, ReportedFeed } from "./validator.ts";

const makeDouble = wandbDoubles();

setDefaultTimeout(60_000);
const folder = scratchFolders("stopped");
const logged = capturedLog();

test("Stop on a run's page ends its upload and nothing else; the next run goes up, and sync sends the rest", async () => {
  const server = makeDouble();
  const directory = folder();
  const start = () => new ReportedFeed(directory, { url: server.url, key: KEY, runStepLength: 20 });
  const validator = start();
  validator.start();
  validator.emit(5);
  await until(() => server.rows().some(({ step }) => step === 5));
  const [first] = [...server.runs.values()];
  first!.isStopped = true;
  await until(() => validator.reporter.status.wandbState === "stopped");
  // The status says so at once, and the run's own end is told a request later.
  await until(() => first!.isDone);
  expect(first).toMatchObject({ exitCode: 0 });
  const had = first!.history.length;
  validator.emit(14, 6);
  validator.emitLayer("of the stopped run", 1);
  await until(() => validator.reporter.status.wandbBacklog >= 14);
  // What comes after step 20 is of the next run.
  validator.emit(5, 20);
  await until(() => server.runs.size === 2);
  const second = [...server.runs.values()][1]!;
  await until(() => second.history.length >= 4);
  await validator.stop();
  expect(second).toMatchObject({ isDone: true, exitCode: 0 });
  expect(first!.history.length).toBe(had);
  expect(server.artifacts).toEqual([]);
  const warnings = logged.filter((line) => line.includes("WARN"));
  expect(warnings).toEqual([expect.stringContaining("This run was stopped on W&B")]);

  // A later start leaves it alone as well.
  const later = start();
  later.start();
  await until(() => server.runs.size === 3);
  await later.stop();
  expect(first!.history.length).toBe(had);

  const signal = new AbortController().signal;
  const environment = { WANDB_BASE_URL: server.url, WANDB_API_KEY: KEY };
  const options = { directory, environment, weightsStepLength: 10, isAlone: true, signal, pace: QUICK };
  expect(await syncSpools(options)).toMatchObject([{ id: first!.name, state: "done" }]);
  expect(server.artifacts).toMatchObject([{ state: "COMMITTED", run: first!.name }]);
  const sequences = [first!, second].flatMap(({ name }) => server.rows(name).map((row) => row.sequence));
  expect(sequences).toEqual(validator.events.map(({ sequence }) => sequence));
  expect([...server.runs.values()].map(({ gaps, changed }) => [gaps, changed])).toEqual([
    [[], 0],
    [[], 0],
    [[], 0],
  ]);
});
