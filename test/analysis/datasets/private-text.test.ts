import { describe, expect, test } from "bun:test";
import { withoutPrivate } from "../../../src/analysis/datasets/private-text.ts";

const GONE: [string, string][] = [
  ["write to Ann.Lee+x@mail.example.org, please", "write to <EMAIL>, please"],
  ["jürgen@bücher.example", "<EMAIL>"],
  ["call +49 30 1234567.", "call <PHONE>."],
  ["+1 (415) 555-2671 or (415) 555-2671 or 415-555-2671", "<PHONE> or <PHONE> or <PHONE>"],
  ["from 10.20.30.40:8080 on", "from <IP>:8080 on"],
  ["at 2001:db8::ff00:42:8329 now", "at <IP> now"],
  ["4111 1111 1111 1111 and 4111-1111-1111-1111 and 4111111111111111", "<CARD> and <CARD> and <CARD>"],
  ["378282246310005", "<CARD>"],
  [`sk-${"a".repeat(40)} ghp_${"b".repeat(36)} AKIAABCDEFGHIJKLMNOP`, "<KEY> <KEY> <KEY>"],
  [`seed 0x${"ab".repeat(32)}`, "seed <KEY>"],
  ["-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nend", "<KEY>\nend"],
  [`token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${"c".repeat(43)}`, "token <KEY>"],
];

const STAYS = [
  "version 1.2.3 of 2024-05-06, 12:34:56",
  "300.400.500.600 is no address, 127.0.0.1 is nobody's",
  "1234 5678 9012 3456 fails the check",
  "std::vector<int> a::b and 3:45",
  "The year 1984, page 415-555, 3.14159265358979",
  "user@host and @someone",
  "0x1234 and deadbeef",
  "5 + 12345678 = 12345683",
];

describe("private data", () => {
  test.each(GONE)("%p becomes %p", (text, clean) => {
    const found = withoutPrivate(text);
    expect(found.text).toBe(clean);
    expect(found.total).toBe(clean.match(/<[A-Z]+>/g)!.length);
    expect(Object.values(found.counts).reduce((a, b) => a + b)).toBe(found.total);
  });

  test.each(STAYS)("%p stays", (text) => {
    expect(withoutPrivate(text)).toMatchObject({ text, total: 0 });
  });

  test("texts made to keep a pattern busy take no time", () => {
    const hostile = [
      "a.",
      "1 ",
      "1-",
      "a:",
      "0:",
      "-----BEGIN A PRIVATE KEY-----",
      "eyJaaaaaaaaaa.",
      "+1 ",
      "a@a.",
      "4111 ",
    ];
    const started = performance.now();
    for (const piece of hostile) withoutPrivate(piece.repeat(Math.floor(100_000 / piece.length)));
    expect(performance.now() - started).toBeLessThan(8_000);
  });
});
