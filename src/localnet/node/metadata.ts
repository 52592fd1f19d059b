import type { AnyCodec, Primitive, Shape, ShapeField, TypeParam } from "./codec.ts";
import { ScaleWriter } from "./scale.ts";
import type { AnyStorageItem, Hasher } from "./storage-item.ts";

/** What a node tells its clients about its runtime; only errors have docs. */
export interface RuntimeDescription {
  pallets: PalletDescription[];
  /** AccountId32. */
  account: AnyCodec;
  address: AnyCodec;
  call: AnyCodec;
  signature: AnyCodec;
  extensions: ExtensionDescription[];
  /** The whole extrinsic, the only thing metadata V14 knows of address, call and signature. */
  extrinsic: AnyCodec;
  event: AnyCodec;
  error: AnyCodec;
  runtime: AnyCodec;
  apis: ApiDescription[];
}
export interface PalletDescription {
  name: string;
  index: number;
  storage?: AnyStorageItem[];
  call?: AnyCodec;
  event?: AnyCodec;
  error?: AnyCodec;
  constants: { name: string; codec: AnyCodec; value: Uint8Array }[];
}
export interface ExtensionDescription {
  identifier: string;
  extra: AnyCodec;
  implicit: AnyCodec;
}
export interface ApiDescription {
  name: string;
  methods: { name: string; inputs: { name: string; codec: AnyCodec }[]; output: AnyCodec }[];
}

const MAGIC = Buffer.from("meta", "ascii");
const EXTRINSIC_VERSION = 4;
const PRIMITIVE_INDEX: Record<Primitive, number> = {
  bool: 0,
  str: 2,
  u8: 3,
  u16: 4,
  u32: 5,
  u64: 6,
  u128: 7,
  i64: 12,
  i128: 13,
};
const HASHER_INDEX: Record<Hasher, number> = { Blake2_128Concat: 2, Twox64Concat: 5, Identity: 6 };
const MODIFIER_INDEX = { optional: 0, default: 1 };

/** Metadata of version 14 or 15, as `state_getMetadata` and `Metadata_metadata_at_version` answer it. */
export function encodeMetadata(description: RuntimeDescription, version: 14 | 15): Uint8Array {
  const types = new TypeTable(description.account);
  const body = new ScaleWriter();
  types.id(description.extrinsic); // listed in V15 too, where only clients that decode blocks look for it
  list(body, description.pallets, (pallet) => writePallet(body, types, pallet, version));
  if (version === 14) {
    body.compact(types.id(description.extrinsic));
    body.u8(EXTRINSIC_VERSION);
  } else {
    body.u8(EXTRINSIC_VERSION);
    for (const codec of [description.address, description.call, description.signature])
      body.compact(types.id(codec));
    body.compact(types.tupleId(description.extensions.map(({ extra }) => extra)));
  }
  list(body, description.extensions, ({ identifier, extra, implicit }) => {
    body.text(identifier);
    body.compact(types.id(extra));
    body.compact(types.id(implicit));
  });
  body.compact(types.id(description.runtime));
  if (version === 15) {
    list(body, description.apis, (api) => writeApi(body, types, api));
    for (const codec of [description.call, description.event, description.error])
      body.compact(types.id(codec));
    noItems(body); // custom metadata
  }
  const out = new ScaleWriter();
  out.raw(MAGIC);
  out.u8(version);
  types.writeTo(out);
  out.raw(body.finish());
  return out.finish();
}

function writePallet(out: ScaleWriter, types: TypeTable, pallet: PalletDescription, version: 14 | 15): void {
  const optionalType = (codec: AnyCodec | undefined): void => {
    out.u8(codec ? 1 : 0);
    if (codec) out.compact(types.id(codec));
  };
  out.text(pallet.name);
  out.u8(pallet.storage ? 1 : 0);
  if (pallet.storage) {
    out.text(pallet.name);
    list(out, pallet.storage, (item) => writeStorageItem(out, types, item));
  }
  optionalType(pallet.call);
  optionalType(pallet.event);
  list(out, pallet.constants, ({ name, codec, value }) => {
    out.text(name);
    out.compact(types.id(codec));
    out.bytes(value);
    noItems(out);
  });
  optionalType(pallet.error);
  out.u8(pallet.index);
  if (version === 15) noItems(out);
}

function writeStorageItem(out: ScaleWriter, types: TypeTable, item: AnyStorageItem): void {
  out.text(item.name);
  out.u8(item.isOptional ? MODIFIER_INDEX.optional : MODIFIER_INDEX.default);
  if (item.hashers.length === 0) {
    out.u8(0);
  } else {
    out.u8(1);
    list(out, item.hashers, (hasher) => out.u8(HASHER_INDEX[hasher]));
    out.compact(item.keyCodecs.length === 1 ? types.id(item.keyCodecs[0]!) : types.tupleId(item.keyCodecs));
  }
  out.compact(types.id(item.value));
  out.bytes(item.fallbackBytes);
  noItems(out);
}

function writeApi(out: ScaleWriter, types: TypeTable, api: ApiDescription): void {
  out.text(api.name);
  list(out, api.methods, ({ name, inputs, output }) => {
    out.text(name);
    list(out, inputs, (input) => {
      out.text(input.name);
      out.compact(types.id(input.codec));
    });
    out.compact(types.id(output));
    noItems(out);
  });
  noItems(out);
}

/** The portable type registry: every distinct shape once, numbered in the order of first use. */
class TypeTable {
  readonly #ids = new Map<string, number>();
  readonly #entries: Uint8Array[] = [];

  /** @param first gets number 0, where async-substrate-interface looks for AccountId32. */
  constructor(first: AnyCodec) {
    this.#entries.push(new Uint8Array());
    const entry = this.#encode(first.shape);
    this.#entries[0] = entry;
    this.#ids.set(keyOf(entry), 0);
  }

  id(codec: AnyCodec): number {
    return this.#add(codec.shape);
  }

  tupleId(of: AnyCodec[]): number {
    return this.#add({ kind: "tuple", of });
  }

  writeTo(out: ScaleWriter): void {
    list(out, [...this.#entries.entries()], ([id, entry]) => {
      out.compact(id);
      out.raw(entry);
    });
  }

  /** Parts come before the whole, so a shape is known by its own kind and the numbers of its parts. */
  #add(shape: Shape): number {
    const entry = this.#encode(shape);
    const key = keyOf(entry);
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#entries.push(entry) - 1;
      this.#ids.set(key, id);
    }
    return id;
  }

  #encode(shape: Shape): Uint8Array {
    const out = new ScaleWriter();
    const isNamed = shape.kind === "composite" || shape.kind === "variant";
    list(out, isNamed ? shape.path.split("::") : [], (segment) => out.text(segment));
    list(out, isNamed ? shape.params : [], ({ name, codec }: TypeParam) => {
      out.text(name);
      out.u8(1);
      out.compact(this.id(codec));
    });
    this.#writeDefinition(out, shape);
    noItems(out);
    return out.finish();
  }

  #writeDefinition(out: ScaleWriter, shape: Shape): void {
    switch (shape.kind) {
      case "composite":
        out.u8(0);
        this.#writeFields(out, shape.fields);
        break;
      case "variant":
        out.u8(1);
        list(out, shape.cases, ({ name, index, fields, docs }) => {
          out.text(name);
          this.#writeFields(out, fields);
          out.u8(index);
          list(out, docs === undefined ? [] : [docs], (text) => out.text(text));
        });
        break;
      case "sequence":
        out.u8(2);
        out.compact(this.id(shape.of));
        break;
      case "array":
        out.u8(3);
        out.u32(shape.length);
        out.compact(this.id(shape.of));
        break;
      case "tuple":
        out.u8(4);
        list(out, shape.of, (codec) => out.compact(this.id(codec)));
        break;
      case "primitive":
        out.u8(5);
        out.u8(PRIMITIVE_INDEX[shape.name]);
        break;
      case "compact":
        out.u8(6);
        out.compact(this.id(shape.of));
        break;
    }
  }

  #writeFields(out: ScaleWriter, fields: ShapeField[]): void {
    list(out, fields, ({ name, codec }) => {
      out.u8(name === null ? 0 : 1);
      if (name !== null) out.text(name);
      out.compact(this.id(codec));
      out.u8(1);
      out.text(typeName(codec.shape));
      noItems(out);
    });
  }
}

/** The name that scalecodec prints an argument's type by; what is decoded, it takes from the number of the type. */
function typeName(shape: Shape): string {
  switch (shape.kind) {
    case "primitive":
      return shape.name;
    case "sequence":
      return `Vec<${typeName(shape.of.shape)}>`;
    case "compact":
      return `Compact<${typeName(shape.of.shape)}>`;
    case "array":
      return `[${typeName(shape.of.shape)}; ${shape.length}]`;
    case "tuple":
      return `(${shape.of.map(({ shape: part }) => typeName(part)).join(", ")})`;
    default: {
      const name = shape.path.slice(shape.path.lastIndexOf(":") + 1);
      const generics = name === "Option" ? `<${shape.params.map(({ codec }) => typeName(codec.shape))}>` : "";
      return name + generics;
    }
  }
}

const keyOf = (entry: Uint8Array): string =>
  Buffer.from(entry.buffer, entry.byteOffset, entry.length).toString("latin1");

function list<T>(out: ScaleWriter, items: T[], write: (item: T) => void): void {
  out.compact(items.length);
  for (const item of items) write(item);
}

const noItems = (out: ScaleWriter): void => out.compact(0);
