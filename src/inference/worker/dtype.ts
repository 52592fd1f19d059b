import { Failure } from "../../base/error.ts";
import type { Dtype, ModelManifest } from "../../models/manifest.ts";
import type { StoredModel } from "../../models/model-files.ts";
import type { InferenceCode } from "../failure.ts";
import type { Device, WantedDtypes } from "../protocol.ts";

const HALF_PRECISION: ReadonlySet<Dtype> = new Set(["fp16", "q4f16"]);

/**
 * A model with the one dtype that it will be loaded in: the first of its preference, or the wanted one, that the device
 * computes and whose weights are here.
 * @throws Failure `model.unsupported` when there is none, with what to pull.
 */
export function withChosenDtype(
  stored: StoredModel,
  device: Pick<Device, "kind" | "f16">,
  wanted: WantedDtypes = {},
): StoredModel {
  const { manifest } = stored;
  const own = wanted[device.kind];
  const preferred = own === undefined ? manifest.dtype[device.kind] : [own];
  const computable = preferred.filter((dtype) => canCompute(device, dtype));
  const here = new Set(manifest.files.flatMap(({ dtype }) => dtype ?? []));
  const chosen = computable.find((dtype) => here.has(dtype));
  if (chosen === undefined) throw noDtype(manifest, device, preferred, computable);
  return { ...stored, manifest: { ...manifest, dtype: { ...manifest.dtype, [device.kind]: [chosen] } } };
}

function canCompute(device: Pick<Device, "kind" | "f16">, dtype: Dtype): boolean {
  return device.kind !== "webgpu" || device.f16 === true || !HALF_PRECISION.has(dtype);
}

function noDtype(
  { id }: ModelManifest,
  device: Pick<Device, "kind">,
  preferred: readonly Dtype[],
  computable: readonly Dtype[],
): Failure<InferenceCode> {
  const where = device.kind === "cpu" ? "the CPU" : "this GPU";
  return new Failure<InferenceCode>("model.unsupported", {
    message:
      computable.length === 0
        ? `the model ${id} needs 16-bit arithmetic (${preferred.join(", ")}), which ${where} does not offer`
        : `the model ${id} is not here in a form for ${where} (${computable.join(", ")})`,
    hint:
      computable.length === 0
        ? "run it on the CPU (--neuron.device), or choose another dtype in the profile"
        : `openvalidator models pull ${id} --dtype ${computable[0]}`,
  });
}
