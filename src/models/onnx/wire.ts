/** As much of the protobuf wire format as an ONNX file needs. Pure. */

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const ENCODER = new TextEncoder();
const BYTE = 128;
const MAX_VARINT_BYTES = 10;

/** One field of a message, as it stands in the bytes. */
export interface Field {
  number: number;
  /** Tag, length and content. */
  whole: Uint8Array;
  /** Content of a field with a length; empty for numbers. */
  content: Uint8Array;
  /** A whole number from 0 to 2⁵³ − 1; anything else is 0 or rounded. */
  integer: number;
}

/** Tag and length of a field whose content is written after them, by whoever has it. */
export function fieldHead(field: number, length: number): Uint8Array {
  return Uint8Array.from([...varint((field << 3) | WIRE.bytes), ...varint(length)]);
}

/** A message under construction; fields may come in any order and may repeat. */
export class Message {
  readonly #parts: Uint8Array[] = [];

  integer(field: number, value: number | bigint): this {
    this.#parts.push(varint((field << 3) | WIRE.varint), varint(value));
    return this;
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#parts.push(varint((field << 3) | WIRE.fixed32), bytes);
    return this;
  }

  bytes(field: number, content: Uint8Array): this {
    this.#parts.push(varint((field << 3) | WIRE.bytes), varint(content.length), content);
    return this;
  }

  text(field: number, content: string): this {
    return this.bytes(field, ENCODER.encode(content));
  }

  message(field: number, content: Message): this {
    return this.bytes(field, content.encode());
  }

  /** Takes over fields of another message as they are. */
  copy(...fields: Field[]): this {
    for (const { whole } of fields) this.#parts.push(whole);
    return this;
  }

  encode(): Uint8Array {
    const joined = new Uint8Array(this.#parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of this.#parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }
}

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | BYTE : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/**
 * Takes a message apart, one level deep; the fields are views, not copies.
 * @throws RangeError when the bytes are no message
 */
export function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      const byte = message[at++];
      if (byte === undefined) break;
      value += (byte % BYTE) * BYTE ** index;
      if (byte < BYTE) return value;
    }
    throw new RangeError("not a protobuf message");
  };
  while (at < message.length) {
    const start = at;
    const tag = readVarint();
    let content = message.subarray(0, 0);
    const wire = tag % 8;
    let integer = 0;
    if (wire === WIRE.varint) integer = readVarint();
    else if (wire === WIRE.fixed64) at += 8;
    else if (wire === WIRE.fixed32) at += 4;
    else if (wire === WIRE.bytes) {
      const length = readVarint();
      content = message.subarray(at, at + length);
      at += length;
    } else throw new RangeError("not a protobuf message");
    if (at > message.length) throw new RangeError("a protobuf message that ends early");
    fields.push({ number: Math.floor(tag / 8), whole: message.subarray(start, at), content, integer });
  }
  return fields;
}
