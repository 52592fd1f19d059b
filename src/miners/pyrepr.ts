/** What the hashed fields of a synapse may hold. Numbers are left out: no field of a text synapse is one. */
export type PythonValue = string | boolean | readonly PythonValue[] | { readonly [key: string]: PythonValue };

/**
 * `str(value)` of Python: a string is itself, anything else is its `repr`. Miners hash this text, so that one
 * differing character makes every request fail (SDK 10.2, core/synapse.py body_hash).
 */
export function pythonText(value: PythonValue): string {
  return typeof value === "string" ? value : pythonRepr(value);
}

/** `repr(value)` of Python 3. */
export function pythonRepr(value: PythonValue): string {
  if (typeof value === "string") return stringRepr(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (isList(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  const items = Object.entries(value).map(([key, item]) => `${stringRepr(key)}: ${pythonRepr(item)}`);
  return `{${items.join(", ")}}`;
}

/** `repr(float)` for the durations used here: seconds with at most three decimals, always with a point. */
export function pythonSeconds(ms: number): string {
  const seconds = Math.round(ms) / 1000;
  return Number.isInteger(seconds) ? seconds.toFixed(1) : String(seconds);
}

// Array.isArray does not narrow a readonly array out of the union.
function isList(value: PythonValue): value is readonly PythonValue[] {
  return Array.isArray(value);
}

function stringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const character of text) out += character === quote ? `\\${quote}` : escapeCharacter(character);
  return out + quote;
}

const NAMED: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function escapeCharacter(character: string): string {
  const named = NAMED[character];
  if (named !== undefined) return named;
  // str.isprintable: false for the categories C* and Z*, with U+0020 as the one exception.
  if (character === " " || !/[\p{C}\p{Z}]/u.test(character)) return character;
  const code = character.codePointAt(0)!;
  const [letter, digits] = code <= 0xff ? ["x", 2] : code <= 0xffff ? ["u", 4] : ["U", 8];
  return `\\${letter}${code.toString(16).padStart(digits as number, "0")}`;
}
