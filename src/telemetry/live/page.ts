import page from "./page.html" with { type: "text" };

/** The compiler types an .html import as a bundle of a site, but `{ type: "text" }` makes it the text. */
const PAGE = page as unknown as string;

/** By their hashes nothing runs and nothing styles but what is in the page; nothing is loaded from elsewhere. */
const POLICY = [
  "default-src 'none'",
  `script-src ${hashesOf("script")}`,
  `style-src ${hashesOf("style")}`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": POLICY,
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** The whole page, one document with all that it needs. */
export function pageResponse(): Response {
  return new Response(PAGE, { headers: HEADERS });
}

function hashesOf(tag: "script" | "style"): string {
  const contents = [...PAGE.matchAll(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, "g"))].map(
    (match) => match[1]!,
  );
  return contents
    .map((text) => `'sha256-${new Bun.CryptoHasher("sha256").update(text).digest("base64")}'`)
    .join(" ");
}
