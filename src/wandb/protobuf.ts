/** The part of protobuf's wire format that W&B's records need: varints, doubles left unread, and length-delimited fields. */

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;
/** A varint of 64 bits. */
const MAX_VARINT_BYTES = 10;

/** One field of a message: a number for a varint, bytes for a text or an inner message. */
export interface ProtoField {
  number: number;
  value: bigint | Buffer;
}

/** The fields of a message, in their order; those of fixed width are left out. @throws when the bytes are no message */
export function* fieldsOf(message: Buffer): Generator<ProtoField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let length = 0; length < MAX_VARINT_BYTES; length++) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("a number is cut off");
      value |= BigInt(byte & 0x7f) << BigInt(7 * length);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error("a number has no end");
  };
  const skip = (bytes: number): Buffer => {
    if (bytes > message.length - at) throw new Error("a field is cut off");
    at += bytes;
    return message.subarray(at - bytes, at);
  };
  while (at < message.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    switch (Number(tag & 7n)) {
      case VARINT:
        yield { number, value: varint() };
        break;
      case DELIMITED:
        yield { number, value: skip(Number(varint())) };
        break;
      case FIXED64:
        skip(8);
        break;
      case FIXED32:
        skip(4);
        break;
      default:
        throw new Error(`a field has the unknown form ${tag & 7n}`);
    }
  }
}

/** A field with a number, which is left out when it is 0, as protobuf does. */
export function numberField(number: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.concat([varintOf(number << 3), varintOf(value)]);
}

/** A field with a text, which is left out when it is empty. */
export function textField(number: number, value: string): Buffer {
  return value === "" ? Buffer.alloc(0) : messageField(number, [Buffer.from(value, "utf8")]);
}

/** A field with an inner message, given in parts. */
export function messageField(number: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([varintOf((number << 3) | DELIMITED), varintOf(length), ...parts]);
}

/** @param value a whole number; a negative one is written in 64 bits */
function varintOf(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const more = rest > 0x7fn ? 0x80 : 0;
    bytes.push(Number(rest & 0x7fn) | more);
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}
