import { expect, test } from "bun:test";
import { join } from "node:path";

test("files that were changed at random are read within themselves or refused, in little memory", async () => {
  const script = join(import.meta.dir, "mutations.ts");
  // As many as fit into a few seconds; `bun run bench checkpoints` does 10 000.
  const child = Bun.spawn([process.execPath, script, "4000", "5000"], { stderr: "pipe" });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect(err).toBe("");
  const result = JSON.parse(out);
  expect(result.rounds).toBeGreaterThan(300);
  // Both happen, so the changes are neither too rough nor too fine to say anything.
  expect(result.opened).toBeGreaterThan(0);
  expect(result.kinds).toBeGreaterThan(20);
  expect(result.grownBytes).toBeLessThan(100_000_000);
}, 30_000);
