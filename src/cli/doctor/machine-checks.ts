import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import type { DeviceChoice } from "../../config/kinds.ts";
import { type Adapter, listAdapters } from "../../inference/adapters.ts";
import { hasNamedDrivers, pickAdapter, visibleAdapters } from "../../inference/worker/adapter-choice.ts";
import { bytesText } from "../progress.ts";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";
import { freeMemory } from "./gpu-memory.ts";
import { neededModels } from "./models-needed.ts";
import { NODE_MS } from "./nodes.ts";
import type { Patient } from "./patient.ts";

const LOOK_MS = 4_000;
/** State, journal, log, chain, data, models' processes, and what the runtime itself holds. */
const OWN_DESCRIPTORS = 150;

const descriptors: Check = {
  name: "machine.descriptors",
  timeoutMs: LOOK_MS,
  run({ settings }) {
    const limit = openFilesLimit();
    if (limit === undefined) return ok("this system does not tell its limit");
    const sample = Math.max(settings.neuronFollowupSampleSize, settings.neuronAnswerSampleSize);
    const needed = sample * settings.neuronNumConcurrentForwards + OWN_DESCRIPTORS;
    const found = `${limit} files may be open at once; ${sample} miners at a time need ${needed}`;
    return limit >= needed
      ? ok(found)
      : fail(
          found,
          `Raise it: ulimit -n ${needed}, or LimitNOFILE= of the unit; or ask fewer miners at once.`,
        );
  },
};

/** The soft limit of this process; undefined where the system has no /proc. */
function openFilesLimit(): number | undefined {
  try {
    const word = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return word === "unlimited" ? Number.POSITIVE_INFINITY : word === undefined ? undefined : Number(word);
  } catch {
    return undefined; // no Linux
  }
}

const gpu: Check = {
  name: "machine.gpu",
  // The chain may have to tell which profile is used.
  timeoutMs: LOOK_MS + NODE_MS,
  async run(patient, signal) {
    const { device, byRole } = patient.settings.neuronDevice;
    const choices = [...new Set([device, ...Object.values(byRole)])];
    if (choices.every((choice) => choice === "cpu")) return ok("models run on the CPU, as told");
    const all = listAdapters();
    if (all === undefined) return ok("this system has no Vulkan; WebGPU takes its default adapter");
    const adapters = visibleAdapters(all, patient.environment.CUDA_VISIBLE_DEVICES);
    const free = await freeMemory(signal);
    const neededBytes = (await neededModels(patient))?.weightBytes ?? 0;
    return choices.map((choice) => judge(choice, adapters, { free, neededBytes }, patient));
  },
};

function judge(
  choice: DeviceChoice,
  adapters: readonly Adapter[],
  { free, neededBytes: needed }: { free: ReadonlyMap<string, number>; neededBytes: number },
  patient: Patient,
): Finding {
  if (choice === "cpu") return ok("cpu, as told");
  const named = /^webgpu:(.+)$/.exec(choice)?.[1];
  const usable = hasNamedDrivers(patient.environment)
    ? adapters
    : adapters.filter(({ isHardware }) => isHardware);
  // pickAdapter says which ones there are.
  const adapter = named === undefined ? usable[0] : pickAdapter(adapters, named);
  if (adapter === undefined) return withoutAdapter(choice, adapters);
  const freeBytes = free.get(adapter.uuid);
  const memory = [
    ...(adapter.memoryBytes > 0 ? [`${bytesText(adapter.memoryBytes)} of memory`] : []),
    ...(freeBytes === undefined ? [] : [`${bytesText(freeBytes)} free`]),
  ];
  const found = [`${choice}: ${adapter.name}`, ...memory, adapter.f16 ? "f16" : "no f16"].join(", ");
  if (freeBytes !== undefined && freeBytes < needed)
    return warn(
      `${found}; the models' weights alone take ${bytesText(needed)}`,
      "End what else uses the card, or move roles elsewhere with --neuron.device webgpu,ROLE=cpu.",
    );
  return ok(found);
}

function withoutAdapter(choice: DeviceChoice, adapters: readonly Adapter[]): Finding {
  const seen =
    adapters.length === 0 ? "no Vulkan adapter" : `only ${adapters.map(({ name }) => name).join(", ")}`;
  if (choice === "auto") return ok(`${seen}: models run on the CPU (${bytesText(totalmem())} of memory)`);
  return fail(
    `--neuron.device ${choice}, and this machine has ${seen}`,
    "Install libvulkan1 and the card's Vulkan driver, or give --neuron.device cpu.",
  );
}

export const MACHINE_CHECKS: readonly Check[] = [descriptors, gpu];
