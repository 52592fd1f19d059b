import { Failure } from "../../base/error.ts";
import { type LocalnetCode, ScaleReader, ScaleWriter } from "./scale.ts";

/**
 * A codec knows three things about one runtime type: how to write it, how to read it, and its shape, from which
 * metadata.ts describes it to clients. One definition, so the described and the spoken format cannot differ.
 */
export interface Codec<T> extends AnyCodec {
  write(out: ScaleWriter, value: T): void;
  read(input: ScaleReader): T;
}

/** Any `Codec<T>`; nothing can be written through this view, only described and read. */
export interface AnyCodec {
  readonly shape: Shape;
  write(out: ScaleWriter, value: never): void;
  read(input: ScaleReader): unknown;
}

export type Value<C> = C extends { read(input: ScaleReader): infer T } ? T : never;

export type Primitive = "bool" | "str" | "u8" | "u16" | "u32" | "u64" | "u128" | "i64" | "i128";

export interface ShapeField {
  /** null in tuple structs. */
  name: string | null;
  codec: AnyCodec;
}

export type Shape =
  | { kind: "primitive"; name: Primitive }
  | { kind: "sequence" | "compact"; of: AnyCodec }
  | { kind: "array"; length: number; of: AnyCodec }
  | { kind: "tuple"; of: AnyCodec[] }
  | { kind: "composite"; path: string; params: TypeParam[]; fields: ShapeField[] }
  | { kind: "variant"; path: string; params: TypeParam[]; cases: ShapeCase[] };

export interface ShapeCase {
  name: string;
  index: number;
  fields: ShapeField[];
  /** A sentence that clients show to people. */
  docs?: string | undefined;
}

/** Generic parameters that clients look at (`Address` of an extrinsic, `E` of an event record). */
export interface TypeParam {
  name: string;
  codec: AnyCodec;
}

export const encode = <T>(codec: Codec<T>, value: T): Uint8Array => {
  const out = new ScaleWriter();
  codec.write(out, value);
  return out.finish();
};

export const decode = <T>(codec: Codec<T>, bytes: Uint8Array): T => codec.read(new ScaleReader(bytes));

function primitive<T>(name: Primitive, write: Codec<T>["write"], read: Codec<T>["read"]): Codec<T> {
  return { shape: { kind: "primitive", name }, write, read };
}

export const bool = primitive<boolean>(
  "bool",
  (out, value) => out.u8(value ? 1 : 0),
  (input) => {
    const byte = input.u8();
    if (byte > 1) throw badScale("a boolean is neither 0 nor 1");
    return byte === 1;
  },
);
export const u8 = primitive<number>(
  "u8",
  (out, value) => out.u8(value),
  (input) => input.u8(),
);
export const u16 = primitive<number>(
  "u16",
  (out, value) => out.u16(value),
  (input) => input.u16(),
);
export const u32 = primitive<number>(
  "u32",
  (out, value) => out.u32(value),
  (input) => input.u32(),
);
export const u64 = primitive<bigint>(
  "u64",
  (out, value) => out.u64(value),
  (input) => input.u64(),
);
export const u128 = primitive<bigint>(
  "u128",
  (out, value) => out.u128(value),
  (input) => input.u128(),
);
export const i64 = primitive<bigint>(
  "i64",
  (out, value) => out.u64(BigInt.asUintN(64, value)),
  (input) => BigInt.asIntN(64, input.u64()),
);
export const i128 = primitive<bigint>(
  "i128",
  (out, value) => out.u128(BigInt.asUintN(128, value)),
  (input) => BigInt.asIntN(128, input.u128()),
);
export const str = primitive<string>(
  "str",
  (out, value) => out.text(value),
  (input) => Buffer.from(input.bytes()).toString("utf8"),
);
/** A u64 that this node counts with: heights, limits, epochs. A client's beyond 2^53 is 2^53 - 1, which never comes either. */
export const height = primitive<number>(
  "u64",
  (out, value) => out.u64(BigInt(value)),
  (input) => Math.min(Number(input.u64()), Number.MAX_SAFE_INTEGER),
);

const compactShape = (of: AnyCodec): Shape => ({ kind: "compact", of });

const LARGEST: Partial<Record<Primitive, number>> = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff };

/** Compact of an unsigned integer that fits a number (u8, u16, u32, or u64 heights). */
export function compact(of: Codec<number>): Codec<number> {
  const { shape } = of;
  const most = shape.kind === "primitive" ? LARGEST[shape.name] : undefined;
  return {
    shape: compactShape(of),
    write: (out, value) => out.compact(value),
    read(input) {
      const value = Number(input.compact());
      if (most !== undefined && value > most) throw badScale(`a number is larger than ${most}`);
      return value;
    },
  };
}

export function compactBig(of: Codec<bigint>): Codec<bigint> {
  return {
    shape: compactShape(of),
    write: (out, value) => out.compact(value),
    read: (input) => input.compact(),
  };
}

export function vec<T>(of: Codec<T>): Codec<T[]> {
  return {
    shape: { kind: "sequence", of },
    write(out, values) {
      out.compact(values.length);
      for (const value of values) of.write(out, value);
    },
    read: (input) => Array.from({ length: input.length() }, () => of.read(input)),
  };
}

/** `Vec<u8>`; longer than `maxBytes` is refused as the runtime refuses a full BoundedVec. */
export function bytes(maxBytes = Number.POSITIVE_INFINITY): Codec<Uint8Array> {
  return {
    shape: { kind: "sequence", of: u8 },
    write: (out, value) => out.bytes(value),
    read(input) {
      const value = input.bytes();
      if (value.length > maxBytes) throw badScale(`a byte string is longer than ${maxBytes}`);
      return value;
    },
  };
}

export function fixedBytes(length: number): Codec<Uint8Array> {
  return {
    shape: { kind: "array", length, of: u8 },
    write: (out, value) => out.raw(value),
    read: (input) => input.raw(length),
  };
}

export function array<T>(length: number, of: Codec<T>): Codec<T[]> {
  return {
    shape: { kind: "array", length, of },
    write(out, values) {
      for (const value of values) of.write(out, value);
    },
    read: (input) => Array.from({ length }, () => of.read(input)),
  };
}

export function tuple<C extends AnyCodec[]>(...of: C): Codec<{ [K in keyof C]: Value<C[K]> }> {
  return {
    shape: { kind: "tuple", of },
    write(out, values) {
      for (const [index, codec] of of.entries()) codec.write(out, values[index] as never);
    },
    read: (input) => of.map((codec) => codec.read(input)) as { [K in keyof C]: Value<C[K]> },
  };
}

export type Fields = Record<string, AnyCodec>;
export type FieldValues<F extends Fields> = { [K in keyof F]: Value<F[K]> };

export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Rust fields are snake_case, ours camelCase; digits only name the places of a tuple struct. */
const shapeFields = (fields: Fields): ShapeField[] =>
  Object.entries(fields).map(([name, codec]) => ({ name: /^\d+$/.test(name) ? null : snake(name), codec }));

function writeFields<F extends Fields>(out: ScaleWriter, fields: F, values: FieldValues<F>): void {
  for (const name in fields) fields[name]!.write(out, values[name] as never);
}

/** Values of the fields in the order in which they follow each other. */
export function readFields<F extends Fields>(input: ScaleReader, fields: F): FieldValues<F> {
  const values: Record<string, unknown> = {};
  for (const name in fields) values[name] = fields[name]!.read(input);
  return values as FieldValues<F>;
}

export function struct<F extends Fields>(
  path: string,
  fields: F,
  params: TypeParam[] = [],
): Codec<FieldValues<F>> {
  return {
    shape: { kind: "composite", path, params, fields: shapeFields(fields) },
    write: (out, values) => writeFields(out, fields, values),
    read: (input) => readFields(input, fields),
  };
}

/** A one-field tuple struct that is nothing but its content in our code (AccountId32, BoundedVec). */
export function wrapped<T>(path: string, inner: Codec<T>, params: TypeParam[] = []): Codec<T> {
  return {
    shape: { kind: "composite", path, params, fields: [{ name: null, codec: inner }] },
    write: inner.write,
    read: inner.read,
  };
}

export interface Case<F extends Fields> {
  index: number;
  fields: F;
  docs?: string;
}
export const at = <F extends Fields>(index: number, fields: F): Case<F> => ({ index, fields });
/** A case without fields. */
export const bare = (index: number): Case<Record<never, never>> => ({ index, fields: {} });

export type Cases = Record<string, Case<Fields>>;
export type CaseValue<C extends Cases> = {
  [K in keyof C]: { kind: K; fields: FieldValues<C[K]["fields"]> };
}[keyof C];

export function variant<C extends Cases>(
  path: string,
  cases: C,
  params: TypeParam[] = [],
): Codec<CaseValue<C>> {
  const byIndex = new Map(Object.entries(cases).map(([kind, { index }]) => [index, kind]));
  return {
    shape: {
      kind: "variant",
      path,
      params,
      cases: Object.entries(cases).map(([name, { index, fields, docs }]) => ({
        name,
        index,
        fields: shapeFields(fields),
        docs,
      })),
    },
    write(out, value) {
      const { index, fields } = cases[value.kind]!;
      out.u8(index);
      writeFields(out, fields, value.fields as FieldValues<Fields>);
    },
    read(input) {
      const index = input.u8();
      const kind = byIndex.get(index);
      if (kind === undefined) throw badScale(`${path} has no variant ${index}`);
      return { kind, fields: readFields(input, cases[kind]!.fields) } as CaseValue<C>;
    },
  };
}

export function option<T>(of: Codec<T>): Codec<T | null> {
  return {
    shape: {
      kind: "variant",
      path: "Option",
      params: [{ name: "T", codec: of }],
      cases: [
        { name: "None", index: 0, fields: [] },
        { name: "Some", index: 1, fields: [{ name: null, codec: of }] },
      ],
    },
    write(out, value) {
      out.u8(value === null ? 0 : 1);
      if (value !== null) of.write(out, value);
    },
    read: (input) => (bool.read(input) ? of.read(input) : null),
  };
}

export const unit = tuple();

export function badScale(message: string): Failure<LocalnetCode> {
  return new Failure<LocalnetCode>("localnet.bad-scale", { message: `Cannot decode: ${message}` });
}
