import { hideUrls, printableUrl } from "../base/url.ts";

/**
 * The text of a setting as it may be shown to anybody: a provider's endpoint holds its customer's password or key.
 * Several endpoints stand with commas between them.
 */
export function shownText(flag: string, text: string): string {
  if (!flag.startsWith("subtensor.")) return hideUrls(text);
  const parts = text.split(",").map((part) => {
    if (part.includes("://")) return printableUrl(part);
    // An endpoint may stand without its scheme.
    return /[@?/]/.test(part) ? printableUrl(`ws://${part.trim()}`).slice("ws://".length) : part;
  });
  return parts.join(",");
}
