import { expect, setDefaultTimeout, test } from "bun:test";
import * as os from "node:os";
import { coresIn, readEnvironment, readGpus } from "../../src/telemetry/wandb/environment.ts";
import { scratchFolders } from "../scratch.ts";
import { wandbDoubles } from "./doubles.ts";
import { KEY, ReportedFeed } from "./validator.ts";

const makeDouble = wandbDoubles();

setDefaultTimeout(60_000);
const folder = scratchFolders("environment");

test("a run tells what machine it is on, in its config and in a file, and nothing of who runs it", async () => {
  const server = makeDouble();
  const directory = folder();
  const validator = new ReportedFeed(directory, { url: server.url, key: KEY });
  validator.start();
  validator.emit(2);
  await validator.stop();
  const [run] = [...server.runs.values()];
  const told = JSON.parse(run!.config)._wandb.value.e[run!.name];
  expect(told).toMatchObject({
    startedAt: validator.events[0]!.time,
    memory: { total: String(os.totalmem()) },
    disk: { "/": { total: expect.stringMatching(/^\d+$/), used: expect.stringMatching(/^\d+$/) } },
  });
  expect(told.cpu_count).toBeGreaterThan(0);
  expect(told.executable).not.toContain("/");
  expect(Object.keys(told)).not.toContainAnyValues(["args", "host", "username", "root", "program", "python"]);
  const text = JSON.stringify(told);
  for (const name of [os.hostname(), directory, process.argv[1]!]) expect(text).not.toContain(name);
  expect(run!.uploaded).toEqual(["wandb-metadata.json"]);
  const file = run!.files.get("wandb-metadata.json")!;
  expect(JSON.parse(Buffer.from(file.bytes!).toString())).toEqual(told);
});

test("a server that takes no files has the rows all the same", async () => {
  const server = makeDouble();
  server.faults.push({ match: /CreateRunFiles/, times: 1, status: 500 });
  const validator = new ReportedFeed(folder(), { url: server.url, key: KEY });
  validator.start();
  validator.emit(2);
  await validator.stop();
  const [run] = [...server.runs.values()];
  expect(run).toMatchObject({ isDone: true, uploaded: [] });
  expect(run!.history.length).toBe(validator.events.length);
});

test("cores and GPUs are counted", async () => {
  expect(readGpus("NVIDIA H200, 143771\nA, B, [N/A]\n")).toEqual([
    { name: "NVIDIA H200", memoryTotal: String(143_771 * 2 ** 20) },
    { name: "A, B", memoryTotal: "0" },
  ]);
  expect(readGpus("")).toEqual([]);
  const processor = (id: number, core: number): string =>
    `processor: 1\nphysical id\t: ${id}\ncore id\t\t: ${core}\n`;
  expect(coresIn([processor(0, 0), processor(0, 1), processor(0, 1), processor(1, 0)].join("\n"))).toBe(3);
  expect(coresIn("processor : 0\n")).toBe(0);
  expect((await readEnvironment("/nowhere/at/all")).disk).toBeUndefined();
});
