import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");

/** Rank of each room: a file imports from its own room or from a lower rank. */
const RANKS: Record<string, number> = {
  base: 0,
  config: 1,
  net: 1,
  weights: 2,
  events: 2,
  models: 3,
  miners: 3,
  prompts: 3,
  chain: 3,
  wallet: 3,
  wandb: 3,
  inference: 4,
  analysis: 4,
  telemetry: 4,
  update: 4,
  rewards: 5,
  gating: 5,
  validator: 6,
  localnet: 6,
  cli: 7,
  packaging: 7,
  main: 8,
};

const MAX_LINES = 350;
/** Rooms that may speak HTTP; a request anywhere else hides a dependency on the network. */
const FETCHING_ROOMS = new Set(["net", "miners"]);
/** What a file of src may import from outside src, by prefix from the repository root. */
const OUTSIDE_ALLOWED = ["package.json", "models/"];
/** Documents of others that comments may name; anything else that looks like a file has to be one of this repository. */
const OUTSIDE_DOCUMENTS = new Set(["LoaderDriverInterface.md"]);
/**
 * Names that several rooms give to a file of theirs, each for the same thing: the room's failures, and the forms of
 * 0.1.0. Any other name of a file that lies directly in a room stands for one thing in the whole program.
 */
const SHARED_NAMES = new Set(["failure.ts", "errors.ts", "version-1.ts"]);
const VAGUE_NAMES = /(?:^|-)(?:utils?|helpers?|managers?|handlers?)(?:-|$)/;

/** Path from the repository root (`src/chain/x.ts`) to source text. */
type Tree = Map<string, string>;

interface Violation {
  file: string;
  rule:
    | "unknown-room"
    | "upward-arrow"
    | "sideways-arrow"
    | "leaves-src"
    | "no-extension"
    | "missing-file"
    | "cycle"
    | "too-long"
    | "exit"
    | "console"
    | "fetch"
    | "signal"
    | "file-name"
    | "vague-name"
    | "same-name"
    | "stale-citation"
    | "default-export"
    | "barrel";
  detail: string;
}

function roomOf(file: string): string {
  return file === "src/main.ts" ? "main" : (file.split("/")[1] ?? "");
}

/**
 * Every module a file names. Bun's scanner leaves out what is only a type, but an arrow of types is an arrow too, so
 * the `type` keywords are dropped before scanning and `import("…")` types are read from the text.
 */
function importsOf(source: string): string[] {
  const withTypes = source
    .replace(/\bimport\s+type\b/g, "import")
    .replace(/\bexport\s+type(?=\s*[{*])/g, "export")
    .replace(/([{,]\s*)type\s+(?=[A-Za-z_$][\w$]*\s*(?:,|\}|as\b))/g, "$1");
  const scanned = new Bun.Transpiler({ loader: "ts", trimUnusedImports: false }).scanImports(withTypes);
  const inTypes = [...source.matchAll(/\bimport\(\s*["']([^"']+)["']/g)].map((match) => match[1]!);
  return [...new Set([...scanned.map(({ path }) => path), ...inTypes])];
}

/** The code without types, comments and the content of quoted strings, so that a pattern meets only what runs. */
function runningCode(source: string): string {
  return new Bun.Transpiler({ loader: "ts" })
    .transformSync(source)
    .replace(/"(?:[^"\\\n]|\\.)*"/g, (text) => (/^"SIG[A-Z0-9]+"$/.test(text) ? text : '""'));
}

function checkNames(file: string): Violation[] {
  const found: Violation[] = [];
  const segments = file.slice("src/".length).split("/");
  const words = segments.map((segment) => segment.replace(/\.[a-z]+$/, ""));
  if (words.some((word) => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(word)))
    found.push({ file, rule: "file-name", detail: "names are lower-case words joined by hyphens" });
  if (words.some((word) => VAGUE_NAMES.test(word)))
    found.push({ file, rule: "vague-name", detail: "the name says nothing about the content" });
  if (words.at(-1) === "index") found.push({ file, rule: "barrel", detail: "no barrels" });
  return found;
}

function checkText(file: string, source: string): Violation[] {
  const found: Violation[] = [];
  const room = roomOf(file);
  const code = runningCode(source);
  const add = (rule: Violation["rule"], detail: string): number => found.push({ file, rule, detail });
  const lines = source.split("\n").length;
  if (lines > MAX_LINES) add("too-long", `${lines} lines, at most ${MAX_LINES}`);
  if (room !== "main" && /\bprocess\s*\.\s*(?:exit|reallyExit|abort)\b(?!Code)/.test(code))
    add("exit", "only main.ts ends the process");
  if (room !== "main" && /\.\s*(?:on|once|addListener|prependListener)\(\s*"SIG/.test(code))
    add("signal", "only main.ts handles signals");
  if (room !== "cli" && file !== "src/base/log.ts" && /\bconsole\s*[.[]/.test(code))
    add("console", "write through base/log.ts");
  // A method that is called fetch (Bun.serve) is a definition: its parameter list is followed by a brace.
  const requests = code.match(/(?<!\.\s*|function\s+)\bfetch\s*\((?![^()]*\)\s*\{)|\bglobalThis\.fetch\b/g);
  if (requests && !FETCHING_ROOMS.has(room)) add("fetch", "this room makes no HTTP request");
  if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) add("default-export", "named exports only");
  return found;
}

/** Target of a relative import as a path from the repository root. */
function targetOf(file: string, specifier: string): string {
  return normalize(join(dirname(file), specifier));
}

function checkArrows(
  file: string,
  source: string,
  tree: Tree,
  isFile: (path: string) => boolean,
): Violation[] {
  const found: Violation[] = [];
  const room = roomOf(file);
  for (const specifier of importsOf(source)) {
    if (!specifier.startsWith(".")) continue;
    const target = targetOf(file, specifier);
    const detail = `imports ${target}`;
    if (!/\.[a-z0-9]+$/.test(target)) found.push({ file, rule: "no-extension", detail });
    else if (!target.startsWith("src/")) {
      if (!OUTSIDE_ALLOWED.some((prefix) => target.startsWith(prefix)))
        found.push({ file, rule: "leaves-src", detail });
    } else if (!tree.has(target) && !isFile(target)) found.push({ file, rule: "missing-file", detail });
    else if (roomOf(target) !== room) {
      const difference = (RANKS[roomOf(target)] ?? 99) - (RANKS[room] ?? 0);
      if (difference > 0) found.push({ file, rule: "upward-arrow", detail });
      if (difference === 0) found.push({ file, rule: "sideways-arrow", detail });
    }
  }
  return found;
}

/** Files that lie directly in two rooms under one name; in a folder of a room, the folder says what is meant. */
function checkSameNames(tree: Tree): Violation[] {
  const found: Violation[] = [];
  const firsts = new Map<string, string>();
  for (const file of [...tree.keys()].sort()) {
    const [, , name, ...deeper] = file.split("/");
    if (name === undefined || deeper.length > 0 || SHARED_NAMES.has(name)) continue;
    const first = firsts.get(name);
    if (first === undefined) firsts.set(name, file);
    else found.push({ file, rule: "same-name", detail: `called as ${first} is` });
  }
  return found;
}

/** Comments that name a source or a document which is not there: readers look for it in vain. */
function checkCitations(file: string, source: string, paths: readonly string[]): Violation[] {
  const comments = source.match(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm) ?? [];
  const cited = comments.flatMap((text) => text.match(/(?:[\w-]+\/)*[\w.-]+\.(?:md|ts)\b/g) ?? []);
  return cited
    .filter((name) => !OUTSIDE_DOCUMENTS.has(name))
    .filter((name) => !paths.some((path) => `/${path}`.endsWith(`/${name}`)))
    .map((name) => ({ file, rule: "stale-citation", detail: name }));
}

/** Cycles between files, each reported once, by depth-first search. */
function checkCycles(tree: Tree): Violation[] {
  const found: Violation[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    if (done.has(file)) return;
    const at = path.indexOf(file);
    if (at >= 0) {
      found.push({ file, rule: "cycle", detail: [...path.slice(at), file].join(" → ") });
      return;
    }
    path.push(file);
    for (const specifier of importsOf(tree.get(file)!))
      if (specifier.startsWith(".") && tree.has(targetOf(file, specifier))) visit(targetOf(file, specifier));
    path.pop();
    done.add(file);
  };
  for (const file of tree.keys()) visit(file);
  return found;
}

/**
 * Every breach of the design in a tree of sources. `isFile` answers for data files (models, samples); `others` are files
 * outside src that comments may name.
 */
function checkTree(
  tree: Tree,
  isFile: (path: string) => boolean = () => false,
  others: readonly string[] = [],
): Violation[] {
  const found: Violation[] = [];
  const paths = [...tree.keys(), ...others];
  for (const [file, source] of tree) {
    if (!(roomOf(file) in RANKS)) {
      found.push({ file, rule: "unknown-room", detail: roomOf(file) });
      continue;
    }
    found.push(...checkNames(file), ...checkText(file, source), ...checkArrows(file, source, tree, isFile));
    found.push(...checkCitations(file, source, paths));
  }
  return [...found, ...checkSameNames(tree), ...checkCycles(tree)];
}

async function readTree(): Promise<Tree> {
  const tree: Tree = new Map();
  for await (const file of new Bun.Glob("src/**/*.{ts,tsx,js,mjs}").scan(ROOT))
    tree.set(file, await Bun.file(join(ROOT, file)).text());
  return tree;
}

/** Documents and sources outside src. */
async function readOthers(): Promise<string[]> {
  const others: string[] = [];
  for (const pattern of ["*.{md,ts}", "{src,models}/**/*.md", "test/**/*.ts"])
    for await (const file of new Bun.Glob(pattern).scan(ROOT)) others.push(file);
  return others;
}

describe("the sources follow the design", () => {
  test("no file breaks a rule", async () => {
    const tree = await readTree();
    expect(tree.size).toBeGreaterThan(5);
    const found = checkTree(tree, (path) => existsSync(join(ROOT, path)), await readOthers());
    expect(found.map(({ file, rule, detail }) => `${file}: ${rule}: ${detail}`)).toEqual([]);
  });
});

describe("the checker sees", () => {
  const CLEAN: [string, string][] = [
    ["src/base/log.ts", 'export const log = (text: string) => console.error(text, "process.exit(1)");'],
    ["src/chain/head.ts", 'import { log } from "../base/log.ts"; export const f = () => log("fetch(x)");'],
    [
      "src/miners/ask.ts",
      'export const ask = () => fetch("http://127.0.0.1"); // process.exit(0), see chain/head.ts',
    ],
    ["src/localnet/miners/axon.ts", "export const s = { async fetch(r: Request) { return r; } };"],
    ["src/main.ts", 'import { f } from "./chain/head.ts"; process.on("SIGTERM", f); process.exit(0);'],
    ["src/cli/version.ts", 'import p from "../../package.json"; export const v = () => console.log(p);'],
  ];

  test("nothing to object to in a clean tree", () => {
    expect(checkTree(new Map(CLEAN))).toEqual([]);
  });

  const BREACHES: [Violation["rule"], string, string][] = [
    ["unknown-room", "src/stuff/a.ts", ""],
    ["upward-arrow", "src/base/a.ts", 'import { f } from "../chain/head.ts"; f();'],
    ["upward-arrow", "src/base/a.ts", 'import type { T } from "../chain/head.ts"; export type U = T;'],
    ["upward-arrow", "src/base/a.ts", 'import { type T } from "../chain/head.ts"; export type U = T;'],
    ["upward-arrow", "src/base/a.ts", 'export type U = import("../chain/head.ts").T;'],
    ["upward-arrow", "src/base/a.ts", 'export const load = () => import("../chain/head.ts");'],
    ["upward-arrow", "src/base/a.ts", 'export { f } from "../chain/head.ts";'],
    ["upward-arrow", "src/cli/a.ts", 'import "../main.ts";'],
    ["sideways-arrow", "src/wallet/a.ts", 'import { f } from "../chain/head.ts"; f();'],
    ["leaves-src", "src/chain/a.ts", 'import { x } from "../../test/fakes/x.ts"; x();'],
    ["no-extension", "src/miners/a.ts", 'import { ask } from "./ask"; ask();'],
    ["missing-file", "src/miners/a.ts", 'import { ask } from "./nowhere.ts"; ask();'],
    ["too-long", "src/chain/a.ts", "// a line\n".repeat(MAX_LINES)],
    ["exit", "src/cli/a.ts", "export const stop = () => { if (1 < 2) process.exit(1); };"],
    ["exit", "src/cli/a.ts", "export const stop = () => process.abort();"],
    ["signal", "src/validator/a.ts", 'export const a = () => process.once("SIGINT", () => undefined);'],
    ["console", "src/chain/a.ts", 'export const a = () => console.log("x");'],
    ["fetch", "src/chain/a.ts", 'export const a = async () => (await fetch("http://x")).text();'],
    ["fetch", "src/chain/a.ts", "export const a = (f = globalThis.fetch) => f;"],
    ["file-name", "src/chain/Head.ts", "export const a = 1;"],
    ["file-name", "src/chain/block_head.ts", "export const a = 1;"],
    ["vague-name", "src/chain/utils.ts", "export const a = 1;"],
    ["vague-name", "src/chain/helpers/a.ts", "export const a = 1;"],
    ["vague-name", "src/chain/block-manager.ts", "export const a = 1;"],
    ["vague-name", "src/chain/handler.ts", "export const a = 1;"],
    ["same-name", "src/miners/head.ts", "export const a = 1;"],
    ["stale-citation", "src/chain/a.ts", "// As wire.md 1.4 says.\nexport const a = 1;"],
    ["stale-citation", "src/chain/a.ts", "/** As miners/head.ts does. */\nexport const a = 1;"],
    ["default-export", "src/chain/a.ts", "export default function f() {}"],
    ["default-export", "src/chain/a.ts", "const f = 1; export { f as default };"],
    ["barrel", "src/chain/index.ts", 'export * from "./head.ts";'],
  ];
  test.each(BREACHES)("%s in %s", (rule, file, source) => {
    expect(checkTree(new Map([...CLEAN, [file, source]])).map((found) => [found.rule, found.file])).toEqual([
      [rule, file],
    ]);
  });

  test("cycle of two files and of three", () => {
    const two = new Map([
      ["src/chain/a.ts", 'import { b } from "./b.ts"; export const a = () => b;'],
      ["src/chain/b.ts", 'import type { a } from "./a.ts"; export const b = (x: typeof a) => x;'],
    ]);
    expect(checkTree(two).map(({ rule }) => rule)).toEqual(["cycle"]);
    const three = new Map([
      ["src/chain/a.ts", 'import "./b.ts";'],
      ["src/chain/b.ts", 'import "./c.ts";'],
      ["src/chain/c.ts", 'export const load = () => import("./a.ts");'],
    ]);
    expect(checkTree(three).map(({ detail }) => detail)).toEqual([
      "src/chain/a.ts → src/chain/b.ts → src/chain/c.ts → src/chain/a.ts",
    ]);
  });
});
