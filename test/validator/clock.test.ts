import { describe, expect, test } from "bun:test";
import { isFailure } from "../../src/base/error.ts";
import type { BlockNumber } from "../../src/base/units.ts";
import { Clock, type Duty } from "../../src/validator/clock.ts";
import { FakeChain } from "../fakes/session.ts";

function duty(name: string, run: (block: BlockNumber) => Promise<void>, isDue = () => true): Duty {
  return { name, isDue, run };
}

describe("the block clock", () => {
  test("starts what is due at a block, and only that", async () => {
    const chain = new FakeChain();
    const ran: string[] = [];
    const note = (name: string) => async (block: BlockNumber) => void ran.push(`${name} ${block}`);
    new Clock(chain, [duty("a", note("a")), duty("b", note("b"), () => false)], () => {});
    await chain.tick();
    await chain.tick();
    expect(ran).toEqual(["a 101", "a 102"]);
  });

  test("skips a duty that still runs, and starts it anew once it has ended", async () => {
    const chain = new FakeChain();
    const starts: number[] = [];
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const slow = duty("slow", async (block) => {
      starts.push(block);
      await gate;
    });
    new Clock(chain, [slow], () => {});
    const first = chain.tick();
    const second = chain.tick();
    open();
    await Promise.all([first, second]);
    await chain.tick();
    expect(starts).toEqual([101, 103]);
  });

  test("hands over what a duty threw, and runs it again at the next block", async () => {
    const chain = new FakeChain();
    const faults: unknown[] = [];
    let runs = 0;
    const broken = duty("broken", async () => {
      runs++;
      throw new Error("no");
    });
    new Clock(chain, [broken], (name, error) => faults.push([name, (error as Error).message]));
    await chain.tick();
    await chain.tick();
    expect(runs).toBe(2);
    expect(faults).toEqual([
      ["broken", "no"],
      ["broken", "no"],
    ]);
  });

  test("stops listening, waits for what runs, and names a wait that is too long", async () => {
    const chain = new FakeChain();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let ended = false;
    const clock = new Clock(
      chain,
      [
        duty("slow", async () => {
          await gate;
          ended = true;
        }),
      ],
      () => {},
    );
    void chain.tick();
    const late = await clock.stop(5).catch((error: unknown) => error);
    expect(isFailure(late, "deadline.passed")).toBe(true);
    expect(chain.isListenedTo).toBe(false);
    open();
    await clock.stop(1_000);
    expect(ended).toBe(true);
  });
});
