import { describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import type { Adapter } from "../../../src/inference/adapters.ts";
import { pickAdapter, visibleAdapters } from "../../../src/inference/worker/adapter-choice.ts";
import { swiftshaderEnvironment } from "../../swiftshader.ts";

const adapter = (name: string, vendorId: number, uuid: string): Adapter => ({
  name,
  kind: "discrete",
  isHardware: true,
  driver: "",
  vendorId,
  deviceId: 1,
  uuid,
  memoryBytes: 0,
  f16: true,
});
const ALL = [
  adapter("NVIDIA A", 0x10de, "aa".repeat(16)),
  adapter("NVIDIA B", 0x10de, "bb".repeat(16)),
  adapter("Radeon", 0x1002, "cc".repeat(16)),
];
const names = (adapters: Adapter[]): string[] => adapters.map(({ name }) => name);

describe("choosing an adapter", () => {
  test("takes a number or a part of one name", () => {
    expect(pickAdapter(ALL, "1").name).toBe("NVIDIA B");
    expect(pickAdapter(ALL, "radeon").name).toBe("Radeon");
    expect(() => pickAdapter(ALL, "nvidia")).toThrow('several adapters are called "nvidia"');
    expect(() => pickAdapter(ALL, "7")).toThrow("there is no adapter number 7");
  });

  test.each([
    [undefined, ["NVIDIA A", "NVIDIA B", "Radeon"]],
    ["", ["Radeon"]],
    ["-1", ["Radeon"]],
    ["1", ["NVIDIA B", "Radeon"]],
    ["GPU-bbbbbbbb-bbbb", ["NVIDIA B", "Radeon"]],
    ["0,9,1", ["NVIDIA A", "Radeon"]],
  ])("CUDA_VISIBLE_DEVICES=%p", (value, left) => {
    expect(names(visibleAdapters(ALL, value))).toEqual(left);
  });
});

const environment = swiftshaderEnvironment();
test.skipIf(environment === undefined)("devices lists SwiftShader as software without f16", async () => {
  const child = Bun.spawn(
    [process.execPath, join(resolve(import.meta.dir, "../../.."), "src/main.ts"), "devices", "--json"],
    { env: { ...process.env, ...environment }, stdout: "pipe", stderr: "ignore" },
  );
  const { adapters } = JSON.parse(await new Response(child.stdout).text());
  expect(adapters).toMatchObject([{ index: 0, kind: "software", f16: false, isHardware: false }]);
});
