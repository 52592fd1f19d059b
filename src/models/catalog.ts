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
import { editDistance } from "../base/edit-distance.ts";
import { Failure } from "../base/error.ts";
import { printable } from "../base/text.ts";
import { EMBEDDED_MODELS } from "./embedded.ts";
import type { ModelCode } from "./failure.ts";
import { manifestSchema } from "./manifest.ts";

const repo = z.string().regex(/^[\w.-]+\/[\w.-]+$/);
/** A commit, never a branch: a branch can change under us. */
const revision = z.string().regex(/^[0-9a-f]{40}$/);

const checkpoint = z.object({
  kind: z.enum(["safetensors", "torch"]),
  /** Of each number as it is published. */
  bits: z.union([z.literal(16), z.literal(32)]).optional(),
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
});

/** A manifest of a model that has to be got. What nobody has measured yet is null, and locked by the first pull. */
export const catalogSchema = manifestSchema.extend({
  repo,
  revision,
  /** Names of the same model elsewhere, such as its original's at the hub. */
  aliases: z.array(z.string()).optional(),
  /** What the model is for. */
  roles: z.array(z.string()).min(1),
  /** No hub has this model as ONNX: models/export makes it from the checkpoint of `repo`, and it is imported. */
  export: z.object({ recipe: z.string() }).optional(),
  /**
   * How many numbers the weights are, of what is public: those of tables that are looked up (words, places), and the others.
   * Sizes are estimated of these where nobody has seen a file yet.
   */
  parameters: z
    .object({ words: z.number().int().positive(), others: z.number().int().positive() })
    .optional(),
  /**
   * `repo` holds the original weights at `revision`, and this program builds the graphs itself: how the weights are published
   * there, and what is known of its files. Whether they lie in shards, and what is not known, the hub tells.
   */
  checkpoint: checkpoint.optional(),
  /** The same of a model whose graphs are pulled, where its original weights lie: it can be built of these in their place. */
  original: checkpoint.extend({ repo, revision }).optional(),
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

/** A model as it is built of its original weights, in place of the graphs that are pulled; undefined where nobody knows these. */
export function originalOf({ original, ...model }: CatalogModel): CatalogModel | undefined {
  if (original === undefined) return undefined;
  const { repo, revision, ...checkpoint } = original;
  return { ...model, repo, revision, checkpoint, files: [] };
}

/** Every model that this program knows where to get. */
export function readCatalog(): CatalogModel[] {
  return MANIFESTS.map((manifest) => catalogSchema.parse(manifest));
}

/** Ids of the models inside the program, which never have to be pulled. */
export function embeddedManifests() {
  return EMBEDDED_MODELS.map(({ manifest }) => manifestSchema.parse(manifest));
}

/**
 * @param others further names that are taken where this one was given
 * @throws Failure `model.missing` that names the nearest.
 */
export function catalogModel(
  catalog: readonly CatalogModel[],
  id: string,
  others: readonly string[] = [],
): CatalogModel {
  const found = catalog.find((model) => model.id === id);
  if (found !== undefined) return found;
  if (embeddedManifests().some((model) => model.id === id))
    throw new Failure<ModelCode>("model.missing", {
      message: `the model ${id} is inside the program: nothing of it lies in a folder`,
      hint: "openvalidator models list shows the others",
    });
  const near = nearestNames(catalog, id.slice(0, MAX_SHOWN), others);
  throw new Failure<ModelCode>("model.missing", {
    message: `there is no model "${printable(id, MAX_SHOWN)}"`,
    hint: `${near.length > 0 ? `did you mean ${near.join(" or ")}? ` : ""}openvalidator models list shows all`,
  });
}

/** Longest part of a name that nobody knows which is shown. */
const MAX_SHOWN = 80;
/** How many are told of where a name is not known. */
const NEAREST = 3;

/** The names most like a word: those that hold it or are called so elsewhere, then those that are a few letters away. */
function nearestNames(catalog: readonly CatalogModel[], word: string, others: readonly string[]): string[] {
  const asked = word.toLowerCase();
  // As the hub calls it, without its owner.
  const own = asked.split("/").at(-1)!;
  const distance = (name: string): number =>
    own.length > 2 && (name.includes(own) || own.includes(name)) ? 0 : editDistance(own, name);
  const isCalled = ({ repo, aliases = [] }: CatalogModel): boolean =>
    [repo, ...aliases].some((name) => name.toLowerCase() === asked);
  return [
    ...catalog.map((model) => ({ name: model.id, distance: isCalled(model) ? -1 : distance(model.id) })),
    ...others.map((name) => ({ name, distance: distance(name) })),
  ]
    .filter((one) => one.distance <= Math.max(2, own.length / 3))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, NEAREST)
    .map(({ name }) => name);
}
