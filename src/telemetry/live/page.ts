import { policyOf, themed } from "../../base/html-page.ts";
import page from "./page.html" with { type: "text" };

/** The compiler types an .html import as a bundle of a site, but `{ type: "text" }` makes it the text. */
const PAGE = themed(page as unknown as string);

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": policyOf(PAGE, ["connect-src 'self'", "frame-ancestors 'none'"]),
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
