import { describe, expect, test } from "bun:test";
import { withChosenDtype } from "../../../src/inference/worker/dtype.ts";
import { type Dtype, manifestSchema } from "../../../src/models/manifest.ts";
import type { StoredModel } from "../../../src/models/model-files.ts";

const stored = (webgpu: Dtype[], here: Dtype[]): StoredModel => ({
  manifest: manifestSchema.parse({
    id: "model",
    repo: "a/b",
    licence: { spdx: "MIT", url: "https://example.org" },
    architecture: "bert",
    maxTokens: 16,
    dtype: { webgpu, cpu: "fp32" },
    files: here.map((dtype) => ({ path: `${dtype}.onnx`, size: 1, sha256: "0".repeat(64), dtype })),
  }),
  pathOf: (file) => file,
});
const gpu = (f16: boolean) => ({ kind: "webgpu", f16 }) as const;
const chosen = (...args: Parameters<typeof withChosenDtype>): Dtype =>
  withChosenDtype(...args).manifest.dtype[args[1].kind][0]!;

describe("the dtype that a model is loaded in", () => {
  test("is the first that the device computes and that is here", () => {
    const all = stored(["fp16", "q4", "fp32"], ["fp16", "q4", "fp32"]);
    expect(chosen(all, gpu(true))).toBe("fp16");
    expect(chosen(all, gpu(false))).toBe("q4");
    expect(chosen(stored(["fp16", "q4", "fp32"], ["fp32"]), gpu(true))).toBe("fp32");
    expect(chosen(all, { kind: "cpu" })).toBe("fp32");
  });

  test("is the role's own where it has one for the kind of device", () => {
    const all = stored(["fp16", "q4", "fp32"], ["fp16", "q4", "fp32"]);
    expect(chosen(all, gpu(true), { webgpu: "q4" })).toBe("q4");
    expect(chosen(all, gpu(true), { cpu: "q4" })).toBe("fp16");
    expect(chosen(all, { kind: "cpu" }, { cpu: "q4" })).toBe("q4");
  });

  test("is refused with the reason and what to do", () => {
    expect(() => withChosenDtype(stored(["fp16", "q4f16"], ["fp16"]), gpu(false))).toThrow(
      "needs 16-bit arithmetic (fp16, q4f16), which this GPU does not offer",
    );
    expect(() => withChosenDtype(stored(["fp16", "q4"], ["fp16"]), gpu(false))).toThrow(
      expect.objectContaining({
        code: "model.unsupported",
        message: "the model model is not here in a form for this GPU (q4)",
        hint: "openvalidator models pull model --dtype q4",
      }),
    );
    expect(() => withChosenDtype(stored(["q4"], ["q4"]), { kind: "cpu" })).toThrow(
      "a form for the CPU (fp32)",
    );
  });
});
