import { crc32 } from "node:zlib";
import type { FloatType } from "./checkpoint.ts";
import { countOf, type Extent, type Found, isFloatType, type OtherType } from "./extent.ts";
import { readPickle } from "./pickle.ts";
import {
  type Pickled,
  PickledCall,
  PickledDict,
  PickledName,
  PickledReference,
  PickledTuple,
} from "./pickled.ts";
import { damaged, quoted, refusedFile } from "./refusal.ts";
import type { WeightsFile } from "./weights-file.ts";
import { readZipEntries, type ZipEntry } from "./zip-entries.ts";

const MAX_PICKLE_BYTES = 4_000_000;
const MAX_DIMENSIONS = 8;
const SAFETENSORS =
  "take a checkpoint in safetensors, or load this one in PyTorch and save its state_dict again";

/** torch.*Storage: the type of its numbers as safetensors calls it, and their bytes. */
const STORAGES: Readonly<Record<string, { type: FloatType | OtherType; bytes: number }>> = {
  "torch FloatStorage": { type: "F32", bytes: 4 },
  "torch HalfStorage": { type: "F16", bytes: 2 },
  "torch BFloat16Storage": { type: "BF16", bytes: 2 },
  "torch DoubleStorage": { type: "F64", bytes: 8 },
  "torch LongStorage": { type: "I64", bytes: 8 },
  "torch IntStorage": { type: "I32", bytes: 4 },
  "torch ShortStorage": { type: "I16", bytes: 2 },
  "torch CharStorage": { type: "I8", bytes: 1 },
  "torch ByteStorage": { type: "U8", bytes: 1 },
  "torch BoolStorage": { type: "BOOL", bytes: 1 },
};
const TENSOR = "torch._utils _rebuild_tensor_v2";
const PARAMETER = "torch._utils _rebuild_parameter";
const NAMES: ReadonlySet<string> = new Set([
  "collections OrderedDict",
  TENSOR,
  PARAMETER,
  ...Object.keys(STORAGES),
]);

/**
 * Finds the tensors of a state dict that torch.save wrote: a zip with `data.pkl`, which says what each tensor is, and one file
 * of numbers for each storage. Nothing of the pickle is run. Form of torch/serialization.py and torch/_utils.py.
 * @throws Failure `model.corrupt` for a file that lies, `model.refused` for one that holds anything but tensors
 */
export async function readTorchZip(file: WeightsFile): Promise<Found> {
  await refuseOldForms(file);
  const archive = new Archive(file, await readZipEntries(file));
  await archive.checkByteOrder();
  const pickle = await archive.small("data.pkl", MAX_PICKLE_BYTES);
  const state = readPickle(`data.pkl in ${file.name}`, pickle, NAMES);
  if (!(state instanceof PickledDict))
    throw refusedFile(file.name, "holds something else than tensors by name", SAFETENSORS);
  const found: Found = { tensors: new Map(), others: new Map() };
  for (const [name, value] of state.items) {
    const { type, ...place } = archive.tensor(name, value);
    if (isFloatType(type)) found.tensors.set(name, { name, dtype: type, ...place, file });
    else found.others.set(name, type);
  }
  return found;
}

/** A zip begins with "PK"; PyTorch before 1.6 wrote one long pickle or a tar. */
async function refuseOldForms(file: WeightsFile): Promise<void> {
  const start = await file.bytes(0, Math.min(2, file.size));
  if (Buffer.from(start).toString("latin1") === "PK") return;
  throw start[0] === 0x80
    ? refusedFile(file.name, "is a bare pickle, as PyTorch wrote before 1.6, and not its zip", SAFETENSORS)
    : damaged(file.name, "is no zip of PyTorch");
}

class Archive {
  readonly #file: WeightsFile;
  readonly #entries: ReadonlyMap<string, ZipEntry>;
  /** The folder that all files of the zip lie in, with its slash. */
  readonly #root: string;
  /** Types of the storages that were named so far: one storage has one type. */
  readonly #types = new Map<string, string>();

  constructor(file: WeightsFile, entries: ReadonlyMap<string, ZipEntry>) {
    this.#file = file;
    this.#entries = entries;
    const [first = ""] = entries.keys();
    this.#root = first.slice(0, first.indexOf("/") + 1);
    const stray = [...entries.keys()].find((name) => !name.startsWith(this.#root));
    if (this.#root === "" || stray !== undefined)
      throw refusedFile(file.name, "has files beside the one folder that torch.save makes", SAFETENSORS);
    const program = ["constants.pkl", "code/"].find((part) =>
      [...entries.keys()].some((name) => name.startsWith(this.#root + part)),
    );
    if (program !== undefined)
      throw refusedFile(
        file.name,
        `is a TorchScript program (it holds ${program}) and no table of tensors`,
        SAFETENSORS,
      );
  }

  /** Written since PyTorch 2.1; before, files of big-endian machines could not be told. */
  async checkByteOrder(): Promise<void> {
    if (!this.#entries.has(`${this.#root}byteorder`)) return;
    const order = Buffer.from(await this.small("byteorder", 16)).toString("latin1");
    if (order !== "little")
      throw refusedFile(
        this.#file.name,
        `says that its byte order is ${quoted(order)}, not little`,
        SAFETENSORS,
      );
  }

  async small(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const entry = this.#entries.get(this.#root + path);
    if (entry === undefined) throw damaged(this.#file.name, `has no ${path} inside, which torch.save writes`);
    if (entry.size > maxBytes)
      throw refusedFile(
        this.#file.name,
        `has a ${path} of ${entry.size} bytes, and no model here needs that`,
        SAFETENSORS,
      );
    const bytes = await this.#file.bytes(entry.offset, entry.size);
    if (crc32(bytes) !== entry.crc32)
      throw damaged(this.#file.name, `has a ${path} that is not what its checksum says`);
    return bytes;
  }

  /** @param value of a state dict under `name` */
  tensor(name: string, value: Pickled): Pick<Extent, "shape" | "offset"> & { type: FloatType | OtherType } {
    const call = value instanceof PickledCall && value.name === PARAMETER ? value.args[0] : value;
    if (!(call instanceof PickledCall && call.name === TENSOR))
      throw refusedFile(this.#file.name, `holds ${quoted(name)}, which is no tensor`, SAFETENSORS);
    const [reference, start, size, stride] = call.args;
    const { type, bytes, count, offset } = this.#storage(name, reference);
    const shape = size instanceof PickledTuple ? size.items : undefined;
    const steps = stride instanceof PickledTuple ? stride.items : undefined;
    const values = shape === undefined || shape.length > MAX_DIMENSIONS ? undefined : countOf(shape);
    if (values === undefined || steps?.length !== shape!.length)
      throw damaged(this.#file.name, `says of ${quoted(name)} a shape that is none`);
    if (typeof start !== "number" || !Number.isSafeInteger(start) || start < 0 || start + values > count)
      throw damaged(this.#file.name, `has ${quoted(name)} outside of the ${count} numbers of its storage`);
    if (!isInRow(shape as number[], steps))
      throw refusedFile(
        this.#file.name,
        `has ${quoted(name)} in another order than row after row (strides ${quoted(steps.join())})`,
        "save it again in PyTorch after .contiguous(), or take a checkpoint in safetensors",
      );
    return { type, shape: shape as number[], offset: offset + start * bytes };
  }

  /** What `("storage", class, key, device, count)` refers to. */
  #storage(name: string, reference: Pickled | undefined) {
    const id = reference instanceof PickledReference ? reference.id : undefined;
    const [word, storage, key, , count] = id instanceof PickledTuple && id.items.length === 5 ? id.items : [];
    const known = storage instanceof PickledName ? STORAGES[storage.name] : undefined;
    if (word !== "storage" || known === undefined || typeof key !== "string" || typeof count !== "number")
      throw damaged(this.#file.name, `has ${quoted(name)} with numbers that lie nowhere`);
    const entry = this.#entries.get(`${this.#root}data/${key}`);
    if (entry === undefined)
      throw damaged(this.#file.name, `has no storage ${quoted(key)} inside, which ${quoted(name)} needs`);
    if (entry.size !== count * known.bytes)
      throw damaged(
        this.#file.name,
        `says that the storage of ${quoted(name)} is ${count} numbers of ${known.type}, and it has ${entry.size} bytes`,
      );
    if ((this.#types.get(key) ?? known.type) !== known.type)
      throw damaged(this.#file.name, `reads the storage ${quoted(key)} as two types of numbers`);
    this.#types.set(key, known.type);
    return { ...known, count, offset: entry.offset };
  }
}

/** Whether each axis steps over all that lies within it; the step of an axis of one is never taken. */
function isInRow(shape: readonly number[], steps: readonly Pickled[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis]! > 1 && steps[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}
