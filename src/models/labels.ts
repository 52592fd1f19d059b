import { Failure } from "../base/error.ts";
import { counted, printable } from "../base/text.ts";
import type { CatalogModel } from "./catalog.ts";
import type { ModelCode } from "./failure.ts";

/** What transformers calls labels that nobody named. */
const UNNAMED = /^LABEL_\d+$/;

/**
 * A hate classifier whose labels are in another order scores the opposite. Names count as they are; one label needs none, as a
 * reward has, and unnamed ones are taken in the manifest's order. How many the head really has, its weights tell.
 * @param config config.json
 * @throws Failure `model.unsupported` for labels that are not those of the manifest
 */
export function checkLabels(
  { id, classification }: CatalogModel,
  config: Readonly<Record<string, unknown>>,
): void {
  const labels = classification?.labels;
  if (labels === undefined) return;
  const told = labelsOf(config);
  if (told === undefined) return;
  const areSame =
    told.length === labels.length &&
    (labels.length === 1 || told.every((name, at) => name === labels[at] || UNNAMED.test(name)));
  if (areSame) return;
  throw new Failure<ModelCode>("model.unsupported", {
    message: `config.json tells of ${listed(told)}, and ${id} is asked for ${listed(labels)}`,
    hint: "the checkpoint is that of another classifier than the manifest's, whose scores would mean something else",
  });
}

/** In their order; undefined where config.json leaves it to transformers' defaults. */
function labelsOf({ id2label, num_labels }: Readonly<Record<string, unknown>>): string[] | undefined {
  if (typeof id2label !== "object" || id2label === null)
    return typeof num_labels === "number"
      ? Array.from({ length: Math.min(num_labels, 100) }, (_, at) => `LABEL_${at}`)
      : undefined;
  return Object.entries(id2label)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, name]) => String(name));
}

function listed(labels: readonly string[]): string {
  const names = labels.map((name) => JSON.stringify(printable(name, 40)));
  return `${counted(labels.length, "label")} (${names.slice(0, 12).join(", ")}${names.length > 12 ? ", …" : ""})`;
}
