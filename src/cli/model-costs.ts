import { type CatalogModel, embeddedManifests } from "../models/catalog.ts";
import { isPulled, preferredDtypes } from "../models/known-models.ts";
import { lockedManifest } from "../models/locked-manifest.ts";
import type { DeviceKind, Dtype, ModelManifest } from "../models/manifest.ts";
import { deviceMemory, type Size, sizeOfFiles } from "../models/model-sizes.ts";
import { type PlanOptions, type PlanTotal, type PullPlan, planPull, totalOf } from "../models/pull-plan.ts";
import { memoryToRun } from "../models/trials/form-trials.ts";
import type { ProfileNeed } from "./profile-models.ts";

/** What a model takes, as far as it is known; undefined where nobody knows. */
export interface ModelCost {
  id: string;
  roles: readonly string[];
  dtypes: readonly Dtype[];
  /** Whether it is inside the program, is fetched or built, or has to be imported. */
  kind: "inside" | "pulled" | "imported";
  plan: PullPlan | undefined;
  /** Bytes of its files that are here. */
  hereBytes: number;
  memory: Record<DeviceKind, Size | undefined>;
}

/** What a model takes; sizes are asked for with `access`. @throws as `planPull` */
export async function costOf(
  directory: string,
  model: CatalogModel,
  { dtypes: wanted, roles = [] }: Partial<ProfileNeed>,
  options: Partial<PlanOptions> = {},
): Promise<ModelCost> {
  const dtypes = options.dtypes ?? preferredDtypes(model, wanted);
  const files = lockedManifest(directory, model)?.files ?? [];
  return {
    id: model.id,
    roles: roles.length > 0 ? roles : model.roles,
    dtypes,
    kind: isPulled(model) ? "pulled" : "imported",
    plan: isPulled(model) ? await planPull(directory, model, { ...options, dtypes }) : undefined,
    hereBytes: files.reduce((sum, { size }) => sum + size, 0),
    memory: {
      webgpu: deviceMemory(directory, model, "webgpu", formFor(model, "webgpu", options.dtypes, wanted)),
      cpu: deviceMemory(directory, model, "cpu", formFor(model, "cpu", options.dtypes, wanted)),
    },
  };
}

/** The form that a device loads: of those that are brought, the one that it likes best, or the only one. */
function formFor(
  { dtype }: CatalogModel,
  device: DeviceKind,
  brought: readonly Dtype[] | undefined,
  wanted: ProfileNeed["dtypes"],
): Dtype | undefined {
  const liked = dtype[device].find((one) => brought?.includes(one) ?? true);
  return wanted?.[device] ?? liked ?? brought?.[0];
}

/** Of a model inside the program. */
export function costInside(manifest: ModelManifest, roles: readonly string[]): ModelCost {
  const { id, dtype, files } = manifest;
  const bytes = (device: DeviceKind): number => sizeOfFiles(files, dtype[device][0]!) ?? 0;
  return {
    id,
    roles,
    dtypes: preferredDtypes(manifest),
    kind: "inside",
    plan: undefined,
    hereBytes: 0,
    memory: {
      webgpu: { bytes: bytes("webgpu"), isExact: true },
      cpu: { bytes: memoryToRun(dtype.cpu[0]!, bytes("cpu")), isExact: true },
    },
  };
}

/** What the models of a profile take. @throws as `costOf` */
export async function costsOf(
  directory: string,
  catalog: readonly CatalogModel[],
  needs: readonly ProfileNeed[],
  options: Partial<PlanOptions> = {},
): Promise<ModelCost[]> {
  const inside = new Map(embeddedManifests().map((manifest) => [manifest.id, manifest]));
  const costs: ModelCost[] = [];
  for (const need of needs) {
    const embedded = inside.get(need.id);
    const model = catalog.find(({ id }) => id === need.id);
    if (embedded !== undefined) costs.push(costInside(embedded, need.roles));
    else if (model !== undefined) costs.push(await costOf(directory, model, need, options));
  }
  return costs;
}

export interface CostTotal extends PlanTotal {
  /** Bytes afterwards, with what is here. */
  disk: number;
  memory: Record<DeviceKind, Size>;
  /** Whether a size of any model is not known, so that the sums are too small. */
  isPartial: boolean;
  /** How many of the models are whole here, or inside the program. */
  here: number;
}

export function totalCost(costs: readonly ModelCost[], keepsSource = false): CostTotal {
  const plans = totalOf(
    costs.flatMap(({ plan }) => plan ?? []),
    keepsSource,
  );
  const memory = (device: DeviceKind): Size => ({
    bytes: costs.reduce((sum, cost) => sum + (cost.memory[device]?.bytes ?? 0), 0),
    isExact: costs.every((cost) => cost.memory[device]?.isExact ?? true),
  });
  return {
    ...plans,
    disk: costs.reduce((sum, { hereBytes }) => sum + hereBytes, plans.result),
    memory: { webgpu: memory("webgpu"), cpu: memory("cpu") },
    isPartial: costs.some((cost) => !isHere(cost) && cost.plan === undefined),
    here: costs.filter(isHere).length,
  };
}

/** Whether all of it is in its folder, or inside the program. */
export function isHere({ kind, plan, hereBytes }: ModelCost): boolean {
  if (kind === "inside") return true;
  return kind === "pulled" ? plan?.dtypes.length === 0 : hereBytes > 0;
}

/** For machines: null where nobody knows. */
export function costJson({ id, roles, kind, plan, dtypes, hereBytes, memory }: ModelCost): object {
  return {
    id,
    roles,
    kind,
    dtypes,
    missing: plan?.dtypes ?? null,
    download: plan?.download ?? null,
    result: plan?.result ?? null,
    peak: plan?.peak ?? null,
    isExact: plan?.isExact ?? null,
    hereBytes,
    memory: { webgpu: memory.webgpu?.bytes ?? null, cpu: memory.cpu?.bytes ?? null },
  };
}
