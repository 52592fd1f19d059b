import {
  type Pickled,
  PickledCall,
  PickledDict,
  PickledName,
  PickledReference,
  PickledTuple,
} from "./pickled.ts";
import { damaged, quoted, refusedFile } from "./refusal.ts";

/** Limits far above any state dict's: 15 values for a tensor, a few levels deep, and no text longer than a tensor's name. */
const MAX_VALUES = 300_000;
const MAX_MARKS = 32;
const MAX_TEXT_BYTES = 4096;
const DICT = "collections OrderedDict";
const SAFE = "take a checkpoint in safetensors, which holds numbers and nothing that could run";
const DECODER = new TextDecoder("utf-8", { fatal: true });

/**
 * What a pickle describes, without making any of it: no class is looked up and nothing is called. Of pickle's 68
 * instructions these are the ones that torch.save needs for tensors by name (protocol 2, Lib/pickletools.py of CPython).
 * @param names the only classes and functions that may be named, as "module name"
 * @throws Failure `model.refused` for an instruction or a name beyond those, `model.corrupt` for what is no pickle
 */
export function readPickle(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
  names: ReadonlySet<string>,
): Pickled {
  return new PickleReader(file, bytes, names).read();
}

class PickleReader {
  readonly #file: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #names: ReadonlySet<string>;
  readonly #stack: Pickled[] = [];
  /** How high the stack was at each mark that is open. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Pickled>();
  #at = 0;
  #made = 0;

  constructor(file: string, bytes: Uint8Array<ArrayBuffer>, names: ReadonlySet<string>) {
    this.#file = file;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#names = names;
  }

  read(): Pickled {
    for (;;) {
      const at = this.#at;
      const code = this.#byte();
      if (code === 0x2e /* . STOP */) break;
      const step = INSTRUCTIONS.get(code);
      if (step === undefined)
        throw refusedFile(
          this.#file,
          `asks at byte ${at} for pickle's instruction ${nameOfInstruction(code)}, which no table of tensors needs`,
          SAFE,
        );
      step(this);
    }
    if (this.#at !== this.#bytes.length) throw this.broken("goes on after its end");
    const result = this.pop();
    if (this.#stack.length > 0) throw this.broken("leaves values behind");
    return result;
  }

  push(value: Pickled): void {
    if (++this.#made > MAX_VALUES) throw this.#excess(`more than ${MAX_VALUES} values`);
    this.#stack.push(value);
  }

  pop(): Pickled {
    const floor = this.#marks.at(-1) ?? 0;
    if (this.#stack.length <= floor) throw this.broken("takes a value where there is none");
    return this.#stack.pop()!;
  }

  mark(): void {
    if (this.#marks.push(this.#stack.length) > MAX_MARKS)
      throw this.#excess(`values ${MAX_MARKS} levels deep`);
  }

  popToMark(): Pickled[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.broken("ends a list that was not begun");
    return this.#stack.splice(mark);
  }

  popTuple(length: number): PickledTuple {
    const items = Array.from({ length }, () => this.pop());
    return new PickledTuple(items.reverse());
  }

  /** The dictionary on top; setting in anything else would be a method of a class. */
  topDict(): PickledDict {
    const dict = this.pop();
    this.push(dict);
    if (dict instanceof PickledDict) return dict;
    throw refusedFile(this.#file, "sets a value in something that is no dictionary", SAFE);
  }

  remember(index: number): void {
    const value = this.pop();
    this.push(value);
    this.#memo.set(index, value);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.broken(`asks for value ${index}, which it did not keep`);
    this.push(value);
  }

  name(): void {
    const name = `${this.#line()} ${this.#line()}`;
    if (!this.#names.has(name))
      throw refusedFile(
        this.#file,
        `asks for ${quoted(name.replace(" ", "."))}, which is none of the names that a table of tensors needs; nothing of it was run`,
        SAFE,
      );
    this.push(new PickledName(name));
  }

  call(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof PickledName && args instanceof PickledTuple))
      throw refusedFile(this.#file, "calls something that is no function of PyTorch", SAFE);
    if (callee.name !== DICT) this.push(new PickledCall(callee.name, args.items));
    else if (args.items.length === 0) this.push(new PickledDict());
    else throw refusedFile(this.#file, "makes a dictionary out of something", SAFE);
  }

  /** Attributes of the object below; a state dict has `_metadata`, versions of its parts, which are left alone. */
  build(): void {
    const state = this.pop();
    this.topDict();
    const isMetadata = state instanceof PickledDict && state.items.size === 1 && state.items.has("_metadata");
    if (!isMetadata) throw refusedFile(this.#file, "sets attributes that no state dict has", SAFE);
  }

  protocol(): void {
    const version = this.unsigned(1);
    if (version === 2) return;
    throw refusedFile(
      this.#file,
      `is written in pickle's protocol ${version}, and torch.save writes 2`,
      SAFE,
    );
  }

  /** A text's bytes stand in the pickle; so its length can be no lie. */
  text(): void {
    const length = this.unsigned(4);
    if (length > MAX_TEXT_BYTES) throw this.#excess(`a text of ${length} bytes`);
    const bytes = this.#take(length);
    try {
      this.push(DECODER.decode(bytes));
    } catch {
      throw this.broken("has a text that is not written in UTF-8");
    }
  }

  unsigned(bytes: 1 | 2 | 4): number {
    const at = this.#skip(bytes);
    return bytes === 1
      ? this.#view.getUint8(at)
      : bytes === 2
        ? this.#view.getUint16(at, true)
        : this.#view.getUint32(at, true);
  }

  signed32(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  /** A whole number of up to 8 bytes, which must be one that a number holds exactly. */
  long(): number {
    const bytes = this.#take(this.unsigned(1));
    const number =
      bytes.length > 8
        ? NaN
        : Number(
            BigInt.asIntN(
              bytes.length * 8,
              [...bytes].reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n),
            ),
          );
    if (!Number.isSafeInteger(number)) throw this.#excess("a number that no size or place has");
    return number;
  }

  broken(what: string): Error {
    return damaged(this.#file, `${what}, at byte ${this.#at}`);
  }

  #excess(what: string): Error {
    return refusedFile(this.#file, `has ${what}, which no table of tensors needs`, SAFE);
  }

  #byte(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  #take(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** @returns where the skipped bytes begin, which are all there */
  #skip(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw this.broken("breaks off");
    this.#at += length;
    return at;
  }

  /** Up to the end of a line, as names are written. */
  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0 || end - this.#at > MAX_TEXT_BYTES) throw this.broken("has a name without an end");
    const bytes = this.#take(end - this.#at);
    this.#at++;
    return new TextDecoder("utf-8").decode(bytes);
  }
}

type Step = (reader: PickleReader) => void;

const setItems = (dict: PickledDict, items: readonly Pickled[], reader: PickleReader): void => {
  if (items.length % 2 !== 0) throw reader.broken("has a name without a value");
  for (let index = 0; index < items.length; index += 2) {
    const key = items[index]!;
    if (typeof key !== "string") throw reader.broken("has a dictionary with a name that is no text");
    if (dict.items.has(key)) throw reader.broken(`names ${quoted(key)} twice`);
    dict.items.set(key, items[index + 1]!);
  }
};

/** By their byte; names in comments are those of pickletools. */
const INSTRUCTIONS: ReadonlyMap<number, Step> = new Map<number, Step>([
  /* PROTO */ [0x80, (reader) => reader.protocol()],
  /* GLOBAL */ [0x63, (reader) => reader.name()],
  /* REDUCE */ [0x52, (reader) => reader.call()],
  /* BUILD */ [0x62, (reader) => reader.build()],
  /* BINPERSID */ [0x51, (reader) => reader.push(new PickledReference(reader.pop()))],
  /* MARK */ [0x28, (reader) => reader.mark()],
  /* EMPTY_TUPLE */ [0x29, (reader) => reader.push(new PickledTuple([]))],
  /* TUPLE */ [0x74, (reader) => reader.push(new PickledTuple(reader.popToMark()))],
  /* TUPLE1 */ [0x85, (reader) => reader.push(reader.popTuple(1))],
  /* TUPLE2 */ [0x86, (reader) => reader.push(reader.popTuple(2))],
  /* TUPLE3 */ [0x87, (reader) => reader.push(reader.popTuple(3))],
  /* EMPTY_DICT */ [0x7d, (reader) => reader.push(new PickledDict())],
  /* SETITEM */ [
    0x73,
    (reader) => {
      const { items } = reader.popTuple(2);
      setItems(reader.topDict(), items, reader);
    },
  ],
  /* SETITEMS */ [
    0x75,
    (reader) => {
      const items = reader.popToMark();
      setItems(reader.topDict(), items, reader);
    },
  ],
  /* NONE */ [0x4e, (reader) => reader.push(null)],
  /* NEWTRUE */ [0x88, (reader) => reader.push(true)],
  /* NEWFALSE */ [0x89, (reader) => reader.push(false)],
  /* BININT1 */ [0x4b, (reader) => reader.push(reader.unsigned(1))],
  /* BININT2 */ [0x4d, (reader) => reader.push(reader.unsigned(2))],
  /* BININT */ [0x4a, (reader) => reader.push(reader.signed32())],
  /* LONG1 */ [0x8a, (reader) => reader.push(reader.long())],
  /* BINUNICODE */ [0x58, (reader) => reader.text()],
  /* BINPUT */ [0x71, (reader) => reader.remember(reader.unsigned(1))],
  /* LONG_BINPUT */ [0x72, (reader) => reader.remember(reader.unsigned(4))],
  /* BINGET */ [0x68, (reader) => reader.recall(reader.unsigned(1))],
  /* LONG_BINGET */ [0x6a, (reader) => reader.recall(reader.unsigned(4))],
]);

/** Those that make objects of classes or call what they like; the others are told by their byte. */
const KNOWN_NAMES: Readonly<Record<number, string>> = {
  105: "INST",
  111: "OBJ",
  80: "PERSID",
  129: "NEWOBJ",
  146: "NEWOBJ_EX",
  147: "STACK_GLOBAL",
  130: "EXT1",
  131: "EXT2",
  132: "EXT4",
};

function nameOfInstruction(code: number): string {
  return KNOWN_NAMES[code] ?? `0x${code.toString(16).padStart(2, "0")}`;
}
