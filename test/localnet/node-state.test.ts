import { expect, test } from "bun:test";
import { ChainState } from "../../src/localnet/node/state.ts";
import { SUBTENSOR } from "../../src/localnet/node/storage.ts";

const NETUID = 1;

test("work that fails or throws has changed nothing, and what comes after it stays", () => {
  const state = new ChainState(2);
  const set = (tempo: number): void => state.set(SUBTENSOR.tempo, [NETUID], tempo);
  const read = (): number => state.read(SUBTENSOR.tempo, NETUID);
  set(7);
  expect(
    state.allOrNothing(() => {
      set(8);
      return { error: "no" };
    }),
  ).toEqual({ error: "no" });
  expect(read()).toBe(7);
  expect(() =>
    state.allOrNothing(() => {
      set(9);
      throw new Error("cut off");
    }),
  ).toThrow("cut off");
  expect(read()).toBe(7);
  set(10);
  state.allOrNothing(() => ({ error: "no" }));
  expect(read()).toBe(10);
});
