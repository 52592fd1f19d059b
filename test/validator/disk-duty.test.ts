import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { diskDuty } from "../../src/validator/disk-duty.ts";
import { diskUse } from "../../src/validator/disk-use.ts";
import { openSession } from "../fakes/run.ts";
import { FakeChain } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("disk");

test("a disk that fills up is told at each change of its state or of its room, every few blocks", async () => {
  const chain = new FakeChain();
  const { session, events, stateDirectory } = await openSession(chain, { directory: folder() });
  let free = 5e9;
  const looked: string[] = [];
  const duty = diskDuty(session, (directory) => {
    looked.push(directory);
    return free;
  });
  const pass = async (blocks: number) => {
    for (let i = 0; i < blocks; i++) {
      chain.block++;
      if (duty.isDue(chain.head())) await duty.run(chain.head());
    }
  };
  await pass(5);
  expect(looked).toEqual([stateDirectory]);
  // Within two hundredths is no change.
  for (const bytes of [4.95e9, 900e6, 890e6, 800e6, 40e6, 2e9]) {
    free = bytes;
    await pass(5);
  }
  expect(events.filter(({ kind }) => kind === "disk")).toMatchObject([
    { state: "ok", free_bytes: 5e9, path: stateDirectory },
    { state: "low", free_bytes: 900e6, path: stateDirectory },
    { state: "low", free_bytes: 800e6 },
    { state: "full", free_bytes: 40e6 },
    { state: "ok", free_bytes: 2e9 },
  ]);
});

test("a budget that is nearly used up is told beforehand, and old events make room", async () => {
  const chain = new FakeChain();
  const { session, events, stateDirectory } = await openSession(chain, {
    directory: folder(),
    settings: { diskMaxBytes: 1e9, logFile: "/var/log/ov.log" },
  });
  let rooms = 0;
  session.modules.feed.makeRoom = () => rooms++;
  let used = 1e8;
  const measured: unknown[] = [];
  const duty = diskDuty(
    session,
    () => 5e9,
    (...asked) => {
      measured.push(asked);
      return used;
    },
  );
  for (used of [5e8, 9.6e8, 9.7e8, 1.01e9, 5e8]) await duty.run(chain.head());
  expect(measured[0]).toEqual([stateDirectory, "/var/log/ov.log"]);
  expect(events.filter(({ kind }) => kind === "disk")).toMatchObject([
    { state: "ok", free_bytes: 5e9, detail: null },
    { state: "low", free_bytes: 5e9, detail: "960 MB of --disk.max 1000 MB are used" },
    { state: "full", detail: "1010 MB of --disk.max 1000 MB are used" },
    { state: "ok", detail: null },
  ]);
  expect(rooms).toBe(3);
});

test("what a validator takes of its disks is its folder and its log, also where that lies elsewhere", () => {
  const [state, logs] = [folder(), folder()];
  const put = (path: string, bytes: number) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, Buffer.alloc(bytes));
  };
  put(join(state, "state.sqlite"), 100);
  put(join(state, "events", "events.jsonl"), 20);
  put(join(logs, "ov.log"), 3);
  put(join(logs, "ov.log.1"), 4);
  put(join(logs, "ov.log.old"), 1000);
  put(join(logs, "other.log"), 1000);
  expect(diskUse(state)).toBe(120);
  expect(diskUse(state, join(logs, "ov.log"))).toBe(127);
  expect(diskUse(state, join(state, "ov.log"))).toBe(120);
  expect(diskUse(join(state, "absent"), join(logs, "absent", "ov.log"))).toBe(0);
});
