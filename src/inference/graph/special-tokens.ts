/** Breaks every spelled-out special token by a space after its first character: `[SEP]` becomes `[ SEP]`. */
export function neutralise(text: string, specialTokens: readonly string[]): string {
  let safe = text;
  for (const token of specialTokens) {
    const [first = ""] = token;
    safe = safe.replaceAll(token, () => `${first} ${token.slice(first.length)}`);
  }
  return safe;
}
