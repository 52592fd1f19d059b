import { isIP } from "node:net";

/** Kinds of private data, in the order they are looked for: a key may hold what looks like a card. */
export const PRIVATE_KINDS = ["keys", "emails", "cards", "ips", "phones"] as const;
export type PrivateKind = (typeof PRIVATE_KINDS)[number];
export type PrivateCounts = Record<PrivateKind, number>;

interface Pattern {
  kind: PrivateKind;
  /** Every repetition has a bound, so that a hostile text costs time in step with its length. */
  pattern: RegExp;
  mark: string;
  isReal?(text: string): boolean;
}

/**
 * Better one too many than one too few, but not every number: cards pass Luhn's check, addresses are addresses, phone
 * numbers begin with + or stand in North American groups.
 */
const PATTERNS: readonly Pattern[] = [
  {
    kind: "keys",
    mark: "<KEY>",
    pattern: new RegExp(
      [
        // A block that was cut has no end.
        "-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[A-Za-z0-9+/=\\s:,]|-(?!-)){0,10000}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?",
        // OpenAI and Anthropic, GitHub, GitLab, Hugging Face, AWS, Slack, Google, Stripe, npm.
        "\\bsk-[A-Za-z0-9_-]{20,200}",
        "\\bgh[opsur]_[A-Za-z0-9]{30,255}",
        "\\bgithub_pat_[A-Za-z0-9_]{30,255}",
        "\\bglpat-[A-Za-z0-9_-]{20,100}",
        "\\bhf_[A-Za-z0-9]{30,100}",
        "\\b(?:AKIA|ASIA)[A-Z0-9]{16}\\b",
        "\\bxox[abeoprs]-[A-Za-z0-9-]{10,200}",
        "\\bAIza[A-Za-z0-9_-]{35}",
        "\\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,100}",
        "\\bnpm_[A-Za-z0-9]{36}\\b",
        // JSON web tokens.
        "\\beyJ[A-Za-z0-9_-]{10,2000}\\.eyJ[A-Za-z0-9_-]{10,4000}\\.[A-Za-z0-9_-]{10,1000}",
        // A seed or private key as wallets write it.
        "\\b0x[0-9a-fA-F]{64}\\b",
      ].join("|"),
      "g",
    ),
  },
  {
    kind: "emails",
    mark: "<EMAIL>",
    pattern: /[\p{L}\p{N}._%+-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}/gu,
  },
  {
    kind: "cards",
    mark: "<CARD>",
    pattern:
      /(?<![\d.])[2-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?!\d)|(?<![\d.])3[47]\d{2}[ -]?\d{6}[ -]?\d{5}(?!\d)/g,
    isReal: passesLuhn,
  },
  {
    kind: "ips",
    mark: "<IP>",
    pattern:
      /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)|(?<![\w:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){3,7}(?![\w:])/g,
    isReal: (text) => isIP(text) !== 0 && text !== "0.0.0.0" && text !== "127.0.0.1",
  },
  {
    kind: "phones",
    mark: "<PHONE>",
    pattern:
      /(?<![\w+])\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}(?!\d)|(?<![\w.(-])(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}(?![\w-])/g,
    isReal: (text) => text.replace(/\D/g, "").length >= 8,
  },
];

/** Digits that Luhn's check takes for a payment card: 13 to 19 of them. */
function passesLuhn(text: string): boolean {
  const digits = text.replace(/\D/g, "");
  if (digits.length < 13 || digits.length > 19) return false;
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at]);
    const doubled = at % 2 === 1 ? 2 * digit : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** Puts a mark such as <EMAIL> in place of each e-mail address, phone number, IP address, card number and key. */
export function withoutPrivate(text: string): { text: string; counts: PrivateCounts; total: number } {
  const counts: PrivateCounts = { keys: 0, emails: 0, cards: 0, ips: 0, phones: 0 };
  let total = 0;
  let out = text;
  for (const { kind, pattern, mark, isReal } of PATTERNS)
    out = out.replace(pattern, (found) => {
      if (isReal !== undefined && !isReal(found)) return found;
      counts[kind]++;
      total++;
      return mark;
    });
  return { text: out, counts, total };
}
