import { z } from "zod";
import allDistilrobertaV1 from "../../models/manifests/all-distilroberta-v1.json";
import allMinilmL6V2 from "../../models/manifests/all-minilm-l6-v2.json";
import allMpnetBaseV2 from "../../models/manifests/all-mpnet-base-v2.json";
import bertBaseUncased from "../../models/manifests/bert-base-uncased.json";
import gptJRmFormatOa from "../../models/manifests/gpt-j-rm-format-oa.json";
import gptNeo125m from "../../models/manifests/gpt-neo-125m.json";
import minilmv2ToxicJigsaw from "../../models/manifests/minilmv2-toxic-jigsaw.json";
import oaDebertaV3Base from "../../models/manifests/oa-deberta-v3-base.json";
import oaDebertaV3LargeV2 from "../../models/manifests/oa-deberta-v3-large-v2.json";
import qwen306b from "../../models/manifests/qwen3-0.6b.json";
import qwen306bBase from "../../models/manifests/qwen3-0.6b-base.json";
import robertaHateSpeechDynabenchR4Target from "../../models/manifests/roberta-hate-speech-dynabench-r4-target.json";
import skyworkRewardV2Qwen306b from "../../models/manifests/skywork-reward-v2-qwen3-0.6b.json";
import skyworkRewardV2Qwen317b from "../../models/manifests/skywork-reward-v2-qwen3-1.7b.json";
import smollm2135mInstruct from "../../models/manifests/smollm2-135m-instruct.json";
import smollm2360m from "../../models/manifests/smollm2-360m.json";
import toxicBert from "../../models/manifests/toxic-bert.json";
import { Failure } from "../base/error.ts";
import { EMBEDDED_MODELS } from "./embedded.ts";
import type { ModelCode } from "./failure.ts";
import { manifestSchema } from "./manifest.ts";

/** A manifest of a model that has to be got. What nobody has measured yet is null, and locked by the first pull. */
export const catalogSchema = manifestSchema.extend({
  repo: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  /** A commit, never a branch: a branch can change under us. */
  revision: z.string().regex(/^[0-9a-f]{40}$/),
  /** Names of the same model elsewhere, such as its original's at the hub. */
  aliases: z.array(z.string()).optional(),
  /** What the model is for. */
  roles: z.array(z.string()).min(1),
  /** No hub has this model as ONNX: models/export makes it from the checkpoint of `repo`, and it is imported. */
  export: z.object({ recipe: z.string() }).optional(),
  /**
   * `repo` holds the original weights at `revision`, and this program builds the graphs itself: how the weights are published
   * there, and what is known of its files. Whether they lie in shards, and what is not known, the hub tells.
   */
  checkpoint: z
    .object({
      kind: z.enum(["safetensors", "torch"]),
      files: z.array(
        z.object({
          path: z.string().regex(/^[\w-][\w.-]*$/),
          size: z.number().int().positive().nullable(),
          sha256: z
            .string()
            .regex(/^[0-9a-f]{64}$/)
            .nullable(),
        }),
      ),
    })
    .optional(),
  /** None of an exported model, whose files nobody has seen; the manifest beside them tells. */
  files: z.array(
    manifestSchema.shape.files.element.extend({
      size: z.number().int().positive().nullable(),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .nullable(),
    }),
  ),
});

export type CatalogModel = z.infer<typeof catalogSchema>;
export type CatalogFile = CatalogModel["files"][number];

const MANIFESTS: readonly unknown[] = [
  allDistilrobertaV1,
  allMinilmL6V2,
  allMpnetBaseV2,
  bertBaseUncased,
  gptJRmFormatOa,
  gptNeo125m,
  minilmv2ToxicJigsaw,
  oaDebertaV3Base,
  oaDebertaV3LargeV2,
  qwen306b,
  qwen306bBase,
  robertaHateSpeechDynabenchR4Target,
  skyworkRewardV2Qwen306b,
  skyworkRewardV2Qwen317b,
  smollm2135mInstruct,
  smollm2360m,
  toxicBert,
];

/** Every model that this program knows where to get. */
export function readCatalog(): CatalogModel[] {
  return MANIFESTS.map((manifest) => catalogSchema.parse(manifest));
}

/** Ids of the models inside the program, which never have to be pulled. */
export function embeddedManifests() {
  return EMBEDDED_MODELS.map(({ manifest }) => manifestSchema.parse(manifest));
}

/** @throws Failure `model.missing` that lists the known ones. */
export function catalogModel(catalog: readonly CatalogModel[], id: string): CatalogModel {
  const found = catalog.find((model) => model.id === id);
  if (found !== undefined) return found;
  throw new Failure<ModelCode>("model.missing", {
    message: `there is no model "${id}" to pull`,
    hint: `known models: ${catalog.map((model) => model.id).join(", ")}`,
  });
}
