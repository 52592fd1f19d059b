import { expect, test } from "bun:test";
import { hasWorkingF16 } from "../../src/inference/f16.ts";

test("the trial of 16-bit arithmetic succeeds where it is known to work", async () => {
  // ONNX Runtime's CPU provider computes it by way of 32 bits, so "no" would mean that the trial itself is wrong.
  expect(await hasWorkingF16("cpu")).toBe(true);
});
