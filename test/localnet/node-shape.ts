import { Metadata, TypeRegistry } from "@polkadot/types";
import type { SiField, SiLookupTypeId } from "@polkadot/types/interfaces";

/**
 * Flattens metadata into facts that two runtimes can be compared by: one entry per call, event, error, storage item,
 * API method, extension, constant, and per named type or enum variant that these mention.
 */
export function describeMetadata(bytes: Uint8Array): Record<string, string> {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, bytes);
  const { lookup, pallets, apis } = metadata.asLatest;
  const facts: Record<string, string> = {};
  const seen = new Set<number>();

  const refer = (id: SiLookupTypeId | number): string => {
    const number = Number(id);
    const type = lookup.types[number]!.type;
    const path = type.path.map(String).join("::");
    const { def } = type;
    if (def.isPrimitive) return def.asPrimitive.type.toLowerCase();
    if (def.isSequence) return `Vec<${refer(def.asSequence.type)}>`;
    if (def.isArray) return `[${refer(def.asArray.type)}; ${def.asArray.len}]`;
    if (def.isTuple) return `(${def.asTuple.map(refer).join(", ")})`;
    if (def.isCompact) return `Compact<${refer(def.asCompact.type)}>`;
    if (path === "Option") return `Option<${refer(type.params[0]!.type.unwrap())}>`;
    // The same path stands for many contents here.
    if (/BoundedVec$|^(?:Cow|BTreeMap|BTreeSet)$/.test(path))
      return `${path}(${fieldsOf(def.asComposite.fields)})`;
    if (!seen.has(number)) {
      seen.add(number);
      if (def.isComposite) facts[`type ${path}`] = fieldsOf(def.asComposite.fields);
      else if (def.isVariant)
        for (const { name, index, fields } of def.asVariant.variants)
          facts[`type ${path}::${name}`] = `${index} (${fieldsOf(fields)})`;
    }
    return path;
  };
  const fieldsOf = (fields: Iterable<SiField>): string =>
    [...fields]
      .map(({ name, type }) => (name.isSome ? `${name.unwrap()}: ${refer(type)}` : refer(type)))
      .join(", ");

  for (const pallet of pallets) {
    const { name, index, storage, calls, events, errors, constants } = pallet;
    facts[`pallet ${name}`] = String(index);
    for (const part of [calls, events, errors]) if (part.isSome) refer(part.unwrap().type);
    for (const { name: item, type } of constants) facts[`constant ${name}.${item}`] = refer(type);
    if (storage.isNone) continue;
    for (const item of storage.unwrap().items) {
      const { type, modifier, fallback } = item;
      const shape = type.isPlain
        ? refer(type.asPlain)
        : `[${type.asMap.hashers.map(String)}] ${refer(type.asMap.key)} -> ${refer(type.asMap.value)}`;
      facts[`storage ${name}.${item.name}`] = `${modifier} ${shape} = ${fallback.toHex()}`;
    }
  }
  // Translating V15 into the newest version loses what an extension signs implicitly, so each is read as it came.
  const extensions =
    metadata.version === 15
      ? metadata.asV15.extrinsic.signedExtensions.map(({ identifier, type, additionalSigned }) => ({
          identifier,
          type,
          implicit: additionalSigned,
        }))
      : metadata.asV16.extrinsic.transactionExtensions;
  for (const [place, { identifier, type, implicit }] of extensions.entries())
    facts[`extension ${place}`] = `${identifier} ${refer(type)} / ${refer(implicit)}`;
  for (const api of apis)
    for (const { name, inputs, output } of api.methods)
      facts[`api ${api.name}.${name}`] =
        `(${inputs.map((input) => `${input.name}: ${refer(input.type)}`).join(", ")}) -> ${refer(output)}`;
  return facts;
}
