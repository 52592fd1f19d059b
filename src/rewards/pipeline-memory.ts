import { z } from "zod";
import { log } from "../base/log.ts";
import type { Memory, MemoryChanges } from "../base/vocabulary.ts";
import { normalizerState, type RunningNormalizer } from "./normalize.ts";
import type { Mask } from "./parts.ts";

/**
 * What a pipeline keeps across restarts. JSON: the normaliser of each model and a value of each mask, by their names.
 * Tables: those of the masks, by names of their own.
 */
const memoryShape = z.object({
  normalizers: z.record(z.string(), normalizerState),
  masks: z.record(z.string(), z.unknown()),
});

type Normalizers = ReadonlyMap<string, RunningNormalizer>;

export function changesOf(normalizers: Normalizers, masks: readonly Mask[], all: boolean): MemoryChanges {
  const json: z.infer<typeof memoryShape> = {
    normalizers: Object.fromEntries([...normalizers].map(([name, { state }]) => [name, state])),
    masks: {},
  };
  const changed: MemoryChanges["tables"][] = [];
  for (const mask of masks) {
    const changes = mask.changes?.({ all });
    if (changes === undefined) continue;
    json.masks[mask.name] = changes.json;
    changed.push(changes.tables);
  }
  return { json, tables: Object.assign({}, ...changed) };
}

/** Takes back what fits; a part of another shape or model starts afresh, with a warning. */
export function loadMemory({ json, tables }: Memory, normalizers: Normalizers, masks: readonly Mask[]): void {
  const parsed = memoryShape.safeParse(json);
  if (!parsed.success) {
    log.warn("The saved reward statistics have an unknown shape; starting without them");
    return;
  }
  for (const [name, normalizer] of normalizers) {
    const state = parsed.data.normalizers[name];
    if (state) normalizer.state = state;
  }
  for (const mask of masks) {
    const saved = parsed.data.masks[mask.name];
    if (!mask.load || saved === undefined) continue;
    const own = Object.entries(tables).filter(([name]) => mask.tables?.includes(name));
    if (!mask.load({ json: saved, tables: Object.fromEntries(own) }))
      log.warn("The saved history of a mask is of another model; starting without it", { mask: mask.name });
  }
}
