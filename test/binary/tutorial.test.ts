import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { BUILD_TIMEOUT_MS, builtBinary, runCommand, type Scratch, scratch } from "./built.ts";
import { type Running, start, waitFor } from "./subnet.ts";

/** The commands of README's tutorial as they stand there, from localnet to training data. */
const README = resolve(import.meta.dir, "../../README.md");
const TITLE = "### From a local subnet to training data in five commands\n";
const TUTORIAL_TIMEOUT_MS = 120_000;
const GAP = "…";

interface Shown {
  command: string;
  /** Lines; `GAP` stands for any number of them. */
  output: string[];
}

/** The blocks of the section: a command, on several lines where they end with a backslash, and what it prints. */
function tutorial(): Shown[] {
  const section = readFileSync(README, "utf8").split(TITLE)[1]!.split(/^##/m)[0]!;
  return [...section.matchAll(/^```\n\$ ((?:.*\\\n)*.*)\n([\s\S]*?)^```$/gm)].map(([, command, output]) => ({
    command: command!,
    output: output!.trimEnd().split("\n"),
  }));
}

/** A line without what differs from run to run: numbers, keys, hashes, sizes, folders, curves and the width of columns. */
function shapeOf(line: string): string {
  return (
    line
      .replace(/\S*\/(subnet|openvalidator)\b/g, "…/$1")
      // First, since one that begins with 5 and has no 0 could be the beginning of a key.
      .replace(/\b[0-9a-f]{16}\b/g, "HASH")
      .replace(/\b5[1-9A-HJ-NP-Za-km-z]{7,47}(?:…|\b)/g, "KEY")
      .replace(/[▁-█]+/g, "CURVE")
      .replace(/-{3,}/g, "---")
      .replace(/\d[\d.,]*(?: [kM]?B\b)?|(?<=\s)–(?=\s|$)/g, "N")
      .replace(/ {2,}/g, "  ")
      .trim()
  );
}

/** Expects that the lines between two gaps come one after another, and nothing where there is no gap. */
function expectShape(printed: string, shown: readonly string[]): void {
  const lines = printed.trimEnd().split("\n").map(shapeOf);
  let from = 0;
  let isAfterGap = false;
  const parts = shown
    .map(shapeOf)
    .join("\n")
    .split(new RegExp(`^${GAP}$`, "m"));
  for (const part of parts) {
    const wanted = part.replace(/^\n|\n$/g, "").split("\n");
    if (part.trim() !== "") {
      const at = isAfterGap
        ? lines.findIndex((_, n) => n >= from && wanted.every((line, k) => lines[n + k] === line))
        : from;
      // What is not there is told by all that was printed.
      expect(at === -1 ? lines.slice(from) : lines.slice(at, at + wanted.length)).toEqual(wanted);
      from = at + wanted.length;
    }
    isAfterGap = true;
  }
  if (shown.at(-1) !== GAP) expect(lines.slice(from)).toEqual([]);
}

let place: Scratch;
let subnet: Running | undefined;

beforeAll(async () => {
  const binary = await builtBinary();
  place = scratch();
  symlinkSync(binary, join(place.directory, "openvalidator"));
}, BUILD_TIMEOUT_MS);
afterAll(async () => {
  await subnet?.stop();
  place?.remove();
});

test(
  "README's five commands do and print what it shows",
  async () => {
    const [localnet, ...others] = tutorial();
    expect(others.map(({ command }) => command.split(" ")[1])).toEqual([
      "run",
      "query",
      "analyze",
      "dataset",
    ]);
    // But for the port, which somebody else may have.
    const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { port } = free;
    free.stop(true);
    subnet = start(
      ["/bin/bash", "-c", `exec ${localnet!.command.replace("localnet", `localnet --port ${port}`)}`],
      place,
    );
    const printed = await waitFor("the line that localnet prints", subnet, () =>
      subnet!.output().includes("Ctrl-C") ? subnet!.output() : undefined,
    );
    expectShape(printed, localnet!.output);
    for (const { command, output } of others) {
      const line = command.replace("127.0.0.1:9944", `127.0.0.1:${port}`);
      const { code, stdout, stderr } = await runCommand(["/bin/bash", "-c", line], place);
      expect({ command, code, stderr: code === 0 ? "" : stderr }).toEqual({ command, code: 0, stderr: "" });
      // A log goes to standard error; what is asked for does not, and needs no log.
      expectShape(command.includes(" run ") ? stderr : stdout + stderr, output);
    }
    // Every flag of the line that localnet prints is in README's.
    const flags = (text: string): string[] =>
      [...text.matchAll(/--[\w.]+(?: (?!--)[^\s\\]+)?/g)].map(([flag]) =>
        flag.replace(/ \/\S*\/subnet/, " subnet"),
      );
    const suggested = flags(printed.split("another terminal:")[1]!).map((flag) =>
      flag.replace(`:${port}`, ":9944"),
    );
    expect(flags(others[0]!.command)).toEqual([
      ...suggested,
      "--run.forwards 2",
      "--run.weights 1",
      "--wandb.off",
    ]);
    // Weights were set before the end, however quick this machine is; the leaderboard tells the best miner's.
    const asked = "SELECT count(*) AS n FROM weights WHERE state = 'included' AND weight > 0";
    const weights = await runCommand(["./openvalidator", "query", asked, "subnet/logs", "--json"], place);
    expect(JSON.parse(weights.stdout)[0].n).toBeGreaterThan(0);
    const pairs = readFileSync(join(place.directory, "pairs/train.jsonl"), "utf8").trimEnd().split("\n");
    expect(pairs.length).toBeGreaterThan(5);
    for (const pair of pairs.map((text) => JSON.parse(text))) {
      expect(pair.score_chosen).toBeGreaterThan(pair.score_rejected);
      expect(Math.min(pair.prompt.length, pair.chosen.length, pair.rejected.length)).toBeGreaterThan(0);
    }
    const report = readFileSync(join(place.directory, "report.html"), "utf8");
    expect(report).toContain("Leaderboard");
    expect(report.match(/<svg/g)?.length).toBeGreaterThan(5);
    expect(statSync(join(place.directory, "pairs/README.md")).size).toBeGreaterThan(500);
    const seen = readdirSync(place.directory).sort();
    expect(seen).toEqual(["openvalidator", "pairs", "report.html", "subnet"]);
  },
  TUTORIAL_TIMEOUT_MS,
);
