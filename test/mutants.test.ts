import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { MUTANTS, mutated, sampleOf } from "./mutants.ts";

const ROOT = resolve(import.meta.dir, "..");

describe("the list of mutants", () => {
  test.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))("has a place for: %s", (_, mutant) => {
    const source = readFileSync(join(ROOT, mutant.file), "utf8");
    expect(mutated(source, mutant)).not.toBe(source);
    for (const path of mutant.tests) expect(existsSync(join(ROOT, path))).toBe(true);
  });

  test("is long enough, and every name stands once", () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(25);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });
});

describe("a mutant", () => {
  const mutant = { name: "", file: "", text: "a > 1", replacement: "a > $&2", tests: [] };

  test("is refused where its text is gone or stands twice, or where the result is no program", () => {
    expect(mutated("if (a > 1) b();", { ...mutant, replacement: "a > 2" })).toBe("if (a > 2) b();");
    expect(() => mutated("if (a > 2) b();", mutant)).toThrow("occurs 0 times");
    expect(() => mutated("a > 1; a > 1;", mutant)).toThrow("occurs 2 times");
    expect(() => mutated("if (a > 1) b();", { ...mutant, replacement: "a )" })).toThrow();
  });
});

test("a sample is drawn without repetition, the same for the same seed", () => {
  const names = (seed: number) => sampleOf(MUTANTS, 7, seed).map(({ name }) => name);
  expect(new Set(names(1)).size).toBe(7);
  expect(names(1)).toEqual(names(1));
  expect(names(1)).not.toEqual(names(2));
  expect(sampleOf(MUTANTS, 1_000, 1)).toHaveLength(MUTANTS.length);
});
