import { afterAll, beforeAll, expect, test } from "bun:test";
import { type KillPoint, KillStory } from "./kills.ts";

let story: KillStory;
beforeAll(async () => {
  story = await KillStory.begin("plain");
}, 120_000);
afterAll(() => story.end());

const submit = "author_submitAndWatchExtrinsic";
const points: Record<string, KillPoint> = {
  "before the node has the weights": { at: "heard", number: 1, method: submit, chainGoesOn: true },
  "when the node has the weights and no block does": {
    at: "said",
    number: 1,
    method: submit,
    chainGoesOn: false,
  },
  "when a block has them and nobody heard of it": {
    at: "said",
    number: 1,
    method: submit,
    chainGoesOn: true,
  },
};

/** All points are in `bun test/sim/kills.ts`. */
for (const [name, point] of Object.entries(points))
  test(`the whole program, killed ${name}, ends the window with the one right vector`, async () => {
    expect(await story.kill(point)).toMatchObject({ killedAt: submit, taken: 1, isRight: true });
  }, 180_000);
