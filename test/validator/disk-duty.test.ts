import { expect, test } from "bun:test";
import { diskDuty } from "../../src/validator/disk-duty.ts";
import { openSession } from "../fakes/run.ts";
import { FakeChain } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("disk");

test("a disk that fills up is told once at each change, every few blocks", async () => {
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
  for (const bytes of [900e6, 800e6, 40e6, 2e9]) {
    free = bytes;
    await pass(5);
  }
  expect(events.filter(({ kind }) => kind === "disk")).toMatchObject([
    { state: "low", free_bytes: 900e6, path: stateDirectory },
    { state: "full", free_bytes: 40e6 },
    { state: "ok", free_bytes: 2e9 },
  ]);
});
