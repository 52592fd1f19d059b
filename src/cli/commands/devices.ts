import { type Adapter, listAdapters } from "../../inference/adapters.ts";
import { visibleAdapters } from "../../inference/worker/adapter-choice.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth, wrapped } from "../fit.ts";
import { fittedTable } from "../table.ts";

/** Lists what `--neuron.device webgpu:N` can choose, in the order of N. */
export async function devices({ flags, environment, print }: CommandContext): Promise<number> {
  const width = screenWidth(environment);
  const say = (sentence: string): void => print(`${wrapped(sentence, width ?? Number.POSITIVE_INFINITY)}\n`);
  const all = listAdapters();
  const adapters = all && visibleAdapters(all, environment.CUDA_VISIBLE_DEVICES);
  if (flags.json === "true") {
    const rows = adapters?.map((adapter, index) => ({ index, ...adapter, use: useOf(adapter) })) ?? null;
    print(`${JSON.stringify({ adapters: rows }, null, 2)}\n`);
    return EXIT.ok;
  }
  if (adapters === undefined) {
    say("This system has no Vulkan: WebGPU takes its default adapter, and none can be chosen.");
    return EXIT.ok;
  }
  if (adapters.length === 0) {
    say("No Vulkan adapter: models run on the CPU. A GPU needs libvulkan1 and its Vulkan driver.");
    return EXIT.ok;
  }
  const rows = adapters.map((adapter, index) => [
    `webgpu:${index}`,
    adapter.name,
    adapter.kind,
    adapter.driver || "-",
    adapter.memoryBytes > 0 ? `${(adapter.memoryBytes / 2 ** 30).toFixed(1)} GiB` : "-",
    adapter.f16 ? "yes" : "no",
    useOf(adapter),
  ]);
  const titles = ["device", "name", "kind", "driver", "memory", "f16", "good for"];
  print(fittedTable(titles, rows, { width, spare: (at) => at }).text);
  say("f16 is the driver's word; the inference process tries it before it loads such a model.");
  return EXIT.ok;
}

function useOf({ kind, f16 }: Adapter): string {
  if (kind === "software") return "tests; slower than the CPU itself";
  return f16 ? "fp16 and fp32 models" : "fp32 models";
}
