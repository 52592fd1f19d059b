import { expect, test } from "bun:test";
import { type DiskSettings, diskBudget } from "../../src/config/disk-budget.ts";

const SETTINGS: DiskSettings = {
  diskMax: undefined,
  neuronEventsRetentionSize: 2e9,
  neuronDontSaveEvents: false,
  wandbOff: true,
  logFile: "/x.log",
  logFileSize: 20e6,
  logFileCount: 5,
};
const budgets = (more: Partial<DiskSettings>): [number, number] => {
  const settings = { ...SETTINGS, ...more };
  return [diskBudget("events", settings), diskBudget("logs", settings)];
};

test("without one budget each part has its own limit", () => {
  expect(budgets({})).toEqual([2e9, 1e8]);
});

test("parts in use share a budget beside the state, and the smaller limit wins", () => {
  expect(budgets({ diskMax: 400e6 })).toEqual([315e6, 45e6]);
  expect(budgets({ diskMax: 400e6, logFile: undefined })[0]).toBe(360e6);
  expect(budgets({ diskMax: 400e6, neuronDontSaveEvents: true })[1]).toBe(1e8);
  expect(budgets({ diskMax: 400e6, neuronEventsRetentionSize: 5e6 })).toEqual([5e6, 45e6]);
  expect(budgets({ diskMax: 100e9 })).toEqual([2e9, 1e8]);
});

test("the parts and the state never ask for more than there is", () => {
  for (const diskMax of [100e6, 123_456_789, 7e9])
    for (const logFile of [undefined, "/x.log"]) {
      const [events, logs] = budgets({
        diskMax,
        logFile,
        neuronEventsRetentionSize: 1e12,
        logFileSize: 1e12,
      });
      expect(events + (logFile === undefined ? 0 : logs)).toBeLessThanOrEqual(0.9 * diskMax);
    }
});

test("rows that wait for W&B have a share while they are kept", () => {
  const settings = { ...SETTINGS, diskMax: 1e9, wandbOff: false };
  const parts = (["events", "wandb", "logs"] as const).map((part) => diskBudget(part, settings));
  expect(parts.reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(0.9e9);
  expect(parts[1]).toBeGreaterThan(200e6);
  expect(diskBudget("wandb", { ...settings, diskMax: undefined })).toBe(2e9);
});
