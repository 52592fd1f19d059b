import { printable } from "./text.ts";

/** Stands for what is left out. */
const HIDDEN = "***";
/** Providers' keys have 20 characters and more; a shorter part of a path is a name. */
const MIN_KEY_CHARACTERS = 16;
/** A word, a short number, or both: `finney`, `ONNX`, `Qwen3`, `v2`, `125m`. Every other text may be a key. */
const PLAIN_PIECE = /^(?:[A-Z]?[a-z]{1,15}\d{0,3}|[A-Z]{1,8}\d{0,3}|[vV]?\d{1,4}[A-Za-z]{0,2})$/;
const URL_IN_TEXT = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi;

/**
 * A URL as it may be shown: without user and password, without the values of its query, and without those parts of its
 * path that look like a key. Providers of chain nodes put their customers' keys into any of them.
 * @param url absolute; of a text that is no URL nothing but its scheme is shown
 */
export function printableUrl(url: string | URL): string {
  const parsed = typeof url === "string" ? URL.parse(url.trim()) : url;
  // `user:password` parses as a scheme and a path.
  if (!parsed?.href.includes("://")) return unreadable(String(url));
  const user = parsed.username !== "" || parsed.password !== "" ? `${HIDDEN}@` : "";
  const path = parsed.pathname === "/" ? "" : parsed.pathname.split("/").map(printablePart).join("/");
  const text = `${parsed.protocol}//${user}${parsed.host}${path}${printableQuery(parsed.search)}`;
  return printable(text, 300);
}

/** A text that others wrote, an error's message for one, with every URL in it made fit to be shown. */
export function hideUrls(text: string): string {
  return text.includes("://") ? text.replace(URL_IN_TEXT, hideUrl) : text;
}

function hideUrl(found: string): string {
  // A sentence's own punctuation is not the URL's.
  const end = /[).,:;!?\]]+$/.exec(found)?.[0] ?? "";
  return `${printableUrl(found.slice(0, found.length - end.length))}${end}`;
}

function unreadable(text: string): string {
  const scheme = /^\s*([a-z][a-z0-9+.-]{0,15}):\/\//i.exec(text)?.[1];
  return scheme === undefined ? HIDDEN : `${scheme}://${HIDDEN}`;
}

function printablePart(part: string): string {
  const isPlain =
    part.length < MIN_KEY_CHARACTERS || part.split(/[-._~]/).every((piece) => PLAIN_PIECE.test(piece));
  return isPlain ? part : HIDDEN;
}

function printableQuery(search: string): string {
  if (search === "") return "";
  const fields = search
    .slice(1)
    .split("&")
    .map((field) => {
      const [name = "", value] = field.split("=", 2);
      // A key may stand there without a name.
      return value === undefined ? HIDDEN : `${printablePart(name)}=${HIDDEN}`;
    });
  return `?${fields.join("&")}`;
}
