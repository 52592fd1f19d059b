import { countOf, type Extent, type Found, isFloatType } from "./extent.ts";
import { damaged, quoted, refusedFile } from "./refusal.ts";
import { strictObject } from "./strict-json.ts";
import type { WeightsFile } from "./weights-file.ts";

/** The length of the header, before it. */
const LENGTH_BYTES = 8;
/** The format allows 100 MB; the 338 tensors of a shard of the largest known models need 40 kB. */
const MAX_HEADER_BYTES = 2_000_000;
const MAX_DIMENSIONS = 8;
const MAX_NAME_CHARACTERS = 256;

/** Bytes of a number of each type that fills whole bytes (safetensors' own list; its types of 4 and 6 bits are left out). */
const SIZES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
  C64: 8,
};

interface Entry {
  name: string;
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

/**
 * Finds the tensors of a safetensors file: 8 bytes with the length of the header, the header in JSON, then the numbers,
 * without a byte that no tensor owns. https://huggingface.co/docs/safetensors
 * @throws Failure `model.corrupt` for a header that lies, `model.refused` for one that no checkpoint needs
 */
export async function readSafetensors(file: WeightsFile): Promise<Found> {
  const { name, size } = file;
  if (size < LENGTH_BYTES) throw damaged(name, `has ${size} bytes, too few for a safetensors file`);
  const start = await file.bytes(0, LENGTH_BYTES);
  const headerBytes = new DataView(start.buffer).getBigUint64(0, true);
  if (headerBytes > BigInt(size - LENGTH_BYTES))
    throw damaged(name, `tells of a header of ${headerBytes} bytes, and has ${size} in all`);
  if (headerBytes > BigInt(MAX_HEADER_BYTES))
    throw refusedFile(
      name,
      `has a header of ${headerBytes} bytes, and no model here needs more than ${MAX_HEADER_BYTES}`,
      "take the checkpoint from where it was published",
    );
  const header = strictObject(name, await file.bytes(LENGTH_BYTES, Number(headerBytes)));
  const dataStart = LENGTH_BYTES + Number(headerBytes);
  const entries = Object.entries(header)
    .filter(([key]) => key !== "__metadata__")
    .map(([key, value]) => entryOf(name, key, value));
  checkMetadata(name, header);
  checkPlaces(name, entries, size - dataStart);
  const tensors = new Map<string, Extent>();
  const others = new Map<string, string>();
  for (const { name: tensor, dtype, shape, begin } of entries)
    if (isFloatType(dtype))
      tensors.set(tensor, { name: tensor, dtype, shape, file, offset: dataStart + begin });
    else others.set(tensor, dtype);
  return { tensors, others };
}

function entryOf(file: string, name: string, value: unknown): Entry {
  const who = `says of ${quoted(name)}`;
  if (name.length > MAX_NAME_CHARACTERS)
    throw damaged(file, `has a tensor whose name is ${name.length} characters long, ${quoted(name)}`);
  const fields = typeof value === "object" && value !== null ? Object.keys(value).sort().join() : "";
  if (fields !== "data_offsets,dtype,shape")
    throw damaged(file, `${who} something else than dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(SIZES, dtype))
    throw refusedFile(
      file,
      `${who} that its type is ${quoted(String(dtype))}, which is not read here`,
      "take the checkpoint in bfloat16, float16 or float32",
    );
  const count = Array.isArray(shape) && shape.length <= MAX_DIMENSIONS ? countOf(shape) : undefined;
  if (count === undefined) throw damaged(file, `${who} a shape that is none`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isPlace))
    throw damaged(file, `${who} data_offsets that are not two places`);
  const [begin, end] = offsets as [number, number];
  const bytes = count * SIZES[dtype]!;
  if (end - begin !== bytes)
    throw damaged(
      file,
      `${who} that it lies from ${begin} to ${end}, and its shape and type need ${bytes} bytes`,
    );
  return { name, dtype, shape: shape as number[], begin, end };
}

function isPlace(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function checkMetadata(file: string, header: Readonly<Record<string, unknown>>): void {
  const metadata = header.__metadata__;
  if (metadata === undefined) return;
  const isText =
    typeof metadata === "object" &&
    metadata !== null &&
    Object.values(metadata).every((value) => typeof value === "string");
  if (!isText) throw damaged(file, "has __metadata__ that is not texts by name");
}

/** Tensors one after the other, from the first byte to the last. */
function checkPlaces(file: string, entries: readonly Entry[], dataBytes: number): void {
  let at = 0;
  let before = "its header";
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < at) throw damaged(file, `has ${quoted(name)} over the bytes of ${before}`);
    if (begin > at)
      throw damaged(file, `has ${begin - at} bytes that belong to nothing before ${quoted(name)}`);
    if (end > dataBytes)
      throw damaged(file, `ends at byte ${dataBytes} of its data, and ${quoted(name)} goes on to ${end}`);
    at = end;
    before = quoted(name);
  }
  if (at !== dataBytes) throw damaged(file, `has ${dataBytes - at} bytes that belong to nothing at its end`);
}
