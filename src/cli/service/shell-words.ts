import { Failure } from "../../base/error.ts";

export type ServiceCode =
  | "service.bad-line"
  | "service.from-source"
  | "service.needs-root"
  | "service.no-hotkey"
  | "service.not-ours"
  | "service.not-installed"
  | "service.no-systemd"
  | "service.refused";

/** Only a shell could say what these become. */
const NEEDS_A_SHELL = /[$`;|&<>(){}*?!]/;

/**
 * The words of a command line as a POSIX shell would cut it: quotes, backslashes and continued lines.
 * @throws Failure `service.bad-line` for an open quote, and for what only a shell can resolve
 */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  const text = line.replaceAll(/\\\r?\n/g, " ");
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    const next = text[at + 1] ?? "";
    if (quote === "'") {
      if (character === quote) quote = undefined;
      else word += character;
    } else if (character === quote) quote = undefined;
    else if (quote === undefined && (character === "'" || character === '"')) {
      quote = character;
      word ??= "";
    } else if (character === "\\" && (quote === undefined || '"\\$`'.includes(next))) {
      word = (word ?? "") + next;
      at++;
    } else if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === undefined ? NEEDS_A_SHELL.test(character) : /[$`]/.test(character)) {
      throw badLine(`the old line has "${character}", which only a shell can resolve`);
    } else word = (word ?? "") + character;
  }
  if (quote !== undefined) throw badLine(`the old line has an open ${quote}`);
  if (word !== undefined) words.push(word);
  return words;
}

export function badLine(message: string): Failure<ServiceCode> {
  return new Failure<ServiceCode>("service.bad-line", {
    message,
    hint: "give it as one quoted text: --from-pm2 'pm2 start run.sh --name x -- --wallet.name W --wallet.hotkey H'",
  });
}
