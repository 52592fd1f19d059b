import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { type Failure, isFailure } from "../../../src/base/error.ts";
import { openCheckpoint } from "../../../src/models/build/checkpoint/open-checkpoint.ts";
import type { ModelCode } from "../../../src/models/failure.ts";

const ENCODER = new TextEncoder();

/** The bytes of a safetensors file with this header, as it stands. */
export function safetensorsOf(header: unknown, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  return rawSafetensors(ENCODER.encode(text), data);
}

export function rawSafetensors(
  header: Uint8Array,
  data: Uint8Array,
  told = BigInt(header.length),
): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, told, true);
  return joined(length, header, data);
}

/** Tensors of float32, one after the other. */
export function floatsFile(tensors: Record<string, { shape: number[]; values: number[] }>): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    const bytes = new Uint8Array(new Float32Array(values).buffer);
    header[name] = { dtype: "F32", shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
    parts.push(bytes);
  }
  return safetensorsOf(header, joined(...parts));
}

export interface ZipPart {
  name: string;
  content: Uint8Array;
  /** In place of the truth. */
  lies?: {
    size?: number;
    compressed?: number;
    at?: number;
    method?: number;
    flags?: number;
    localName?: string;
    extra?: Uint8Array;
  };
}

/** A zip of stored files as torch.save writes it, apart from the lies. */
export function zipOf(
  parts: readonly ZipPart[],
  lies: { count?: number; offset?: number; size?: number } = {},
): Uint8Array {
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, content, lies: entry = {} } of parts) {
    const numbers = (withDisk: boolean): Uint8Array => {
      const view = new DataView(new ArrayBuffer(withDisk ? 46 : 30));
      let place = 0;
      const put16 = (value: number): void => {
        view.setUint16(place, value, true);
        place += 2;
      };
      const put32 = (value: number): void => {
        view.setUint32(place, value, true);
        place += 4;
      };
      put32(withDisk ? 0x02014b50 : 0x04034b50);
      if (withDisk) put16(0);
      for (const value of [0, entry.flags ?? 0, entry.method ?? 0, 0, 0]) put16(value);
      put32(crc32(content));
      put32(entry.compressed ?? entry.size ?? content.length);
      put32(entry.size ?? content.length);
      put16(ENCODER.encode(withDisk ? name : (entry.localName ?? name)).length);
      put16(withDisk ? (entry.extra?.length ?? 0) : 0);
      if (withDisk) {
        for (const value of [0, 0, 0, 0, 0]) put16(value);
        put32(entry.at ?? at);
      }
      return new Uint8Array(view.buffer);
    };
    const local = joined(numbers(false), ENCODER.encode(entry.localName ?? name), content);
    directory.push(numbers(true), ENCODER.encode(name), entry.extra ?? new Uint8Array());
    files.push(local);
    at += local.length;
  }
  const listed = joined(...directory);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, lies.count ?? parts.length, true);
  end.setUint16(10, lies.count ?? parts.length, true);
  end.setUint32(12, lies.size ?? listed.length, true);
  end.setUint32(16, lies.offset ?? at, true);
  return joined(...files, listed, new Uint8Array(end.buffer));
}

/** A zip of torch.save with this pickle and these storages. */
export function torchZipOf(pickle: string, storages: Record<string, Uint8Array> = {}): Uint8Array {
  return zipOf([
    { name: "archive/data.pkl", content: Buffer.from(pickle, "latin1") },
    ...Object.entries(storages).map(([key, content]) => ({ name: `archive/data/${key}`, content })),
    { name: "archive/version", content: ENCODER.encode("3\n") },
  ]);
}

/** Pickle's words for a text, a name and a number. */
export const P = {
  text: (text: string): string => `X${le32(Buffer.byteLength(text))}${Buffer.from(text).toString("latin1")}`,
  name: (module: string, name: string): string => `c${module}\n${name}\n`,
  int: (value: number): string => `J${le32(value)}`,
  tuple: (...items: string[]): string => `(${items.join("")}t`,
  /** A state dict. */
  file: (...items: string[]): string => `\x80\x02}(${items.join("")}u.`,
  storage: (type: string, key: string, count: number): string =>
    `${P.tuple(P.text("storage"), P.name("torch", type), P.text(key), P.text("cpu"), P.int(count))}Q`,
  tensor: (storage: string, start: number, shape: number[], strides: number[]): string =>
    `${P.name("torch._utils", "_rebuild_tensor_v2")}${P.tuple(storage, P.int(start), P.tuple(...shape.map(P.int)), P.tuple(...strides.map(P.int)), "\x89", `${P.name("collections", "OrderedDict")})R`)}R`,
};

function le32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes.toString("latin1");
}

export function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Writes files, and a config.json where none is given. */
export function writeFolder(folder: string, files: Record<string, Uint8Array | string>): string {
  for (const [name, content] of Object.entries({ "config.json": "{}", ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Every tensor of a folder with its numbers. */
export async function contentOf(folder: string): Promise<Record<string, number[]>> {
  const checkpoint = await openCheckpoint(folder);
  try {
    const content: Record<string, number[]> = Object.create(null);
    for (const name of checkpoint.tensors.keys()) {
      const values: number[] = [];
      for await (const piece of checkpoint.read(name)) values.push(...piece);
      content[name] = values;
    }
    return content;
  } finally {
    await checkpoint.close();
  }
}

/** Why a folder is not opened. */
export async function refusal(folder: string): Promise<Failure<ModelCode>> {
  try {
    await (await openCheckpoint(folder)).close();
  } catch (error) {
    if (isFailure<ModelCode>(error)) return error;
    throw error;
  }
  throw new Error("the folder was opened");
}
