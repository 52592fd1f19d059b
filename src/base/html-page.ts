/** Colours of a page, by what they are for; `s1` … `s5` tell series apart. Text on its ground has a contrast of 4.5 or more. */
export type Colours = typeof LIGHT;

export const LIGHT = {
  page: "#f4f5f7",
  card: "#ffffff",
  line: "#d9dde3",
  ink: "#16191d",
  soft: "#56606c",
  faint: "#eceff3",
  accent: "#2563c9",
  "accent-soft": "#2563c926",
  good: "#1a7f45",
  "good-soft": "#e2f4e9",
  bad: "#b42318",
  "bad-soft": "#fdeae8",
  warn: "#8a5a00",
  "warn-soft": "#fdf2d8",
  s1: "#2a6fd6",
  s2: "#c2571a",
  s3: "#12857a",
  s4: "#8a4fbf",
  s5: "#6b7480",
};

export const DARK: Colours = {
  page: "#101317",
  card: "#181c22",
  line: "#313842",
  ink: "#e8ebef",
  soft: "#a3adb9",
  faint: "#232932",
  accent: "#7db0ff",
  "accent-soft": "#7db0ff2e",
  good: "#65d193",
  "good-soft": "#17301f",
  bad: "#ff9388",
  "bad-soft": "#3d1c1a",
  warn: "#f2c14e",
  "warn-soft": "#382b10",
  s1: "#6aa4f5",
  s2: "#ec9156",
  s3: "#46bfb1",
  s4: "#bd90ea",
  s5: "#98a2ae",
};

/** Style that every page of this program begins with: colours, type, tables that sort, what only screen readers get. */
const THEME = String.raw`
:root {
  color-scheme: light dark;
  ${variables(LIGHT)}
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace;
  font: clamp(14px, 11.5px + 0.16vw, 19px)/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
}
@media screen and (prefers-color-scheme: dark) { :root { ${variables(DARK)} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); }
h1, h2, h3, p, dl, dd, ul, ol, figure { margin: 0; padding: 0; }
h1 { font-size: 1.2rem; letter-spacing: -0.01em; }
h2 { font-size: 1rem; }
button, input, select { font: inherit; color: inherit; }
.quiet { color: var(--soft); }
.mono, .number { font-family: var(--mono); font-variant-numeric: tabular-nums; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -999px; top: 0; padding: 0.6rem 1rem; background: var(--card); color: var(--accent); z-index: 9; }
.skip:focus { left: 0; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.15rem 0.9rem; margin-top: 0.5rem; }
dt { color: var(--soft); }
dd { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
input[type="search"], select { padding: 0.35rem 0.6rem; border: 1px solid var(--soft); border-radius: 6px; background: var(--card); min-width: 0; max-width: 100%; }
button { cursor: pointer; border: 1px solid var(--line); background: var(--faint); border-radius: 6px; padding: 0.3rem 0.7rem; }
button:hover { border-color: var(--soft); }
.scroll { overflow: auto; border: 1px solid var(--line); border-radius: 7px; }
table { border-collapse: separate; border-spacing: 0; width: 100%; }
th, td { padding: 0.32rem 0.6rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; }
thead th { position: sticky; top: 0; z-index: 2; background: var(--faint); font-weight: 600; }
tbody th { font-weight: 500; position: sticky; left: 0; background: var(--card); z-index: 1; }
tbody tr:hover > * { background: var(--faint); }
th.r, td.r { text-align: right; font-variant-numeric: tabular-nums; }
thead button { border: 0; background: none; padding: 0; font-weight: 600; white-space: nowrap; }
thead button::after { content: "\2195"; opacity: 0.35; margin-left: 0.3em; }
th[aria-sort="ascending"] button::after { content: "\2191"; opacity: 1; }
th[aria-sort="descending"] button::after { content: "\2193"; opacity: 1; }
`;

/** Where a page's own style takes THEME in. */
const THEME_MARK = "/* theme */";

/** A page with THEME in the place of its mark. */
export function themed(page: string): string {
  return page.replace(THEME_MARK, () => THEME);
}

/**
 * A content security policy by the hashes of a page's own scripts and styles: nothing runs and nothing styles but what is
 * in the page, and nothing is loaded from elsewhere.
 */
export function policyOf(page: string, more: readonly string[] = []): string {
  return [
    "default-src 'none'",
    `script-src ${hashesOf(page, "script")}`,
    `style-src ${hashesOf(page, "style")}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    ...more,
  ].join("; ");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A text as content of an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

function hashesOf(page: string, tag: "script" | "style"): string {
  const contents = [...page.matchAll(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, "g"))].map(
    (match) => match[1]!,
  );
  return contents
    .map((text) => `'sha256-${new Bun.CryptoHasher("sha256").update(text).digest("base64")}'`)
    .join(" ");
}

function variables(colours: Colours): string {
  return Object.entries(colours)
    .map(([name, value]) => `--${name}: ${value};`)
    .join(" ");
}
