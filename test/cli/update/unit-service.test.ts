import { afterEach, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serviceOfUnit } from "../../../src/cli/update/unit-service.ts";
import { MinerBook } from "../../../src/telemetry/live/miner-book.ts";
import { StatusFold } from "../../../src/telemetry/status-fold.ts";
import { openStatusSocket } from "../../../src/telemetry/status-socket.ts";
import { scratchFolders } from "../../scratch.ts";
import { eventsOfRun } from "../../telemetry/live/subnet.ts";

const scratch = scratchFolders("unit-service");
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});

/** A systemctl of this user that says of a unit what it was told to, and notes what else it is asked. */
function machine() {
  const home = scratch();
  const program = join(home, "systemctl");
  writeFileSync(
    program,
    `#!/bin/sh\n[ "$2" = show ] && exec cat ${home}/facts\necho "$@" >> ${home}/said\necho ActiveState=active > ${home}/facts\n`,
  );
  chmodSync(program, 0o755);
  const runtime = join(home, "run/openvalidator");
  mkdirSync(runtime, { recursive: true });
  return {
    home,
    runtime,
    says: (facts: Record<string, string>): void =>
      writeFileSync(
        join(home, "facts"),
        Object.entries({
          LoadState: "loaded",
          ActiveState: "active",
          RuntimeDirectory: "openvalidator",
          ...facts,
        })
          .map(([name, value]) => `${name}=${value}\n`)
          .join(""),
      ),
    context: {
      command: "self-update",
      flags: {},
      environment: { PATH: `${home}:/usr/bin:/bin`, XDG_RUNTIME_DIR: join(home, "run") },
      signal: new AbortController().signal,
      print: () => {},
    },
  };
}

/** A validator whose status is in a folder that only its unit leads to. */
function validator(runtimeFolder?: string): string {
  const fold = new StatusFold();
  for (const event of eventsOfRun(4, 3)) fold.apply(event);
  const folder = scratch();
  const status = fold.snapshot(Date.parse("2026-01-01T12:03:00Z"));
  open.push(openStatusSocket(folder, { status: () => status, miners: new MinerBook() }, runtimeFolder));
  return folder;
}

const UNIT = { name: "openvalidator.service", scope: "user" } as const;

test("the unit leads to the status of its validator, whatever its settings are", async () => {
  const { runtime, says, context } = machine();
  says({});
  const elsewhere = { path: scratch(), isNamed: false };
  const { service, isStopped } = await serviceOfUnit(context, UNIT, elsewhere);
  expect(isStopped).toBeFalse();
  expect(await service.health()).toBeUndefined();
  const folder = validator(runtime);
  expect(readlinkSync(join(runtime, "status.sock"))).toBe(join(folder, "status.sock"));
  expect(await service.health()).toMatchObject({ phase: "running" });
  await open.pop()!.close();
  expect(existsSync(join(runtime, "status.sock"))).toBeFalse();
});

test("settings that are given lead to it as well, and those of a unit without a folder below /run", async () => {
  const { says, context } = machine();
  const path = validator();
  says({});
  const named = await serviceOfUnit(context, UNIT, { path, isNamed: true });
  expect(await named.service.health()).toMatchObject({ phase: "running" });
  const unnamed = await serviceOfUnit(context, UNIT, { path, isNamed: false });
  expect(await unnamed.service.health()).toBeUndefined();
  says({ RuntimeDirectory: "" });
  const own = await serviceOfUnit(context, UNIT, { path, isNamed: false });
  expect(await own.service.health()).toMatchObject({ phase: "running" });
});

test("a unit that failed for good has ended, until it is restarted; one that was stopped is told apart", async () => {
  const { home, says, context } = machine();
  const elsewhere = { path: scratch(), isNamed: false };
  says({ ActiveState: "failed", Result: "exit-code", ExecMainStatus: "78" });
  const { service, isStopped } = await serviceOfUnit(context, UNIT, elsewhere);
  expect(isStopped).toBeFalse();
  expect(service.ended?.()).toBe("its unit failed for good (exit-code, exit code 78)");
  await service.restart();
  expect(readFileSync(join(home, "said"), "utf8")).toBe("--user restart openvalidator.service\n");
  expect(service.ended?.()).toBeUndefined();
  says({ ActiveState: "inactive" });
  expect((await serviceOfUnit(context, UNIT, elsewhere)).isStopped).toBeTrue();
  says({ LoadState: "not-found", ActiveState: "inactive" });
  await expect(serviceOfUnit(context, UNIT, elsewhere)).rejects.toThrow(
    "knows no unit openvalidator.service",
  );
});
