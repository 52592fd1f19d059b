import { z } from "zod";
import miniLm from "../../models/manifests/all-minilm-l6-v2.json";
import mpnet from "../../models/manifests/all-mpnet-base-v2.json";
import { Failure } from "../base/error.ts";
import { EMBEDDED_MODELS } from "./embedded.ts";
import type { InferenceCode } from "./failure.ts";
import { manifestSchema } from "./manifest.ts";

/** A manifest of a model that has to be pulled. What nobody has measured yet is null, and locked by the first pull. */
export const catalogSchema = manifestSchema.extend({
  repo: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  /** A commit, never a branch: a branch can change under us. */
  revision: z.string().regex(/^[0-9a-f]{40}$/),
  /** What the model is for. */
  roles: z.array(z.string()).min(1),
  files: z
    .array(
      manifestSchema.shape.files.element.extend({
        size: z.number().int().positive().nullable(),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .nullable(),
      }),
    )
    .min(1),
});

export type CatalogModel = z.infer<typeof catalogSchema>;
export type CatalogFile = CatalogModel["files"][number];

/** Every model that this program can pull. */
export function readCatalog(): CatalogModel[] {
  return [mpnet, miniLm].map((manifest) => catalogSchema.parse(manifest));
}

/** Ids of the models inside the program, which never have to be pulled. */
export function embeddedManifests() {
  return EMBEDDED_MODELS.map(({ manifest }) => manifestSchema.parse(manifest));
}

/** @throws Failure `model.missing` that lists the known ones. */
export function catalogModel(catalog: readonly CatalogModel[], id: string): CatalogModel {
  const found = catalog.find((model) => model.id === id);
  if (found !== undefined) return found;
  throw new Failure<InferenceCode>("model.missing", {
    message: `there is no model "${id}" to pull`,
    hint: `known models: ${catalog.map((model) => model.id).join(", ")}`,
  });
}
