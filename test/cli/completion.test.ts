import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { completionScript, SHELLS } from "../../src/cli/completion.ts";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const folder = scratchFolders("completion");
let directory: string;
beforeAll(() => {
  directory = folder();
  for (const shell of SHELLS) writeFileSync(join(directory, shell), completionScript(shell, COMMANDS));
  mkdirSync(join(directory, "some folder"));
});

function output(command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, {
    cwd: directory,
    env: { PATH: process.env.PATH!, HOME: directory, LC_ALL: "C.UTF-8" },
  });
  if (exitCode !== 0 || stderr.length > 0) throw new Error(`${command[0]}: ${exitCode}: ${stderr}`);
  return stdout.toString();
}
const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");

/** What each of the shells offers for the last of these words. */
const OFFERS: [words: string[], some: string[], none: string[]][] = [
  [["wal"], ["wallet"], ["run"]],
  [["wallet", ""], ["create", "show"], ["--netuid"]],
  [["run", "--wallet.h"], ["--wallet.hotkey"], ["--wallet.name"]],
  [["--log.form"], ["--log.format"], ["run"]],
  [["wallet", "show", "--"], ["--json", "--help", "--config"], ["--netuid"]],
  [
    ["run", "--log.format", "p"],
    ["pretty", "plain"],
    ["json", "--netuid"],
  ],
  [["config", "init", "some"], ["some folder"], []],
];

const shown = (word: string): string => word.replace(/\/$/, "");

describe("bash", () => {
  const complete = (words: string[]): string[] => {
    const line = ["openvalidator", ...words].map((word) => `'${word}'`).join(" ");
    const script = `source ./bash; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _openvalidator; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return linesOf(output(["bash", "--norc", "-c", script])).map(shown);
  };

  test.each(OFFERS)("%p", (words, some, none) => {
    const offered = complete(words);
    expect(offered).toEqual(expect.arrayContaining(some));
    for (const word of none) expect(offered).not.toContain(word);
  });

  test("follows = and keeps secrets and hidden commands to itself", () => {
    expect(complete(["run", "--log.format", "=", "js"])).toEqual(["json"]);
    expect(complete(["run", "--log.format", "="])).toContain("plain");
    expect(complete(["run", "--netuid", ""])).toEqual([]);
    expect(complete(["run", "--data."])).not.toContain("--data.token");
    expect(complete([""])).not.toContain("inference-worker");
    expect(complete(["nonsense", "-"])).toEqual([]);
    expect(output(["bash", "--norc", "-c", "source ./bash; complete -p openvalidator"])).toContain(
      "_openvalidator",
    );
  });

  test("knows every flag of every command", () => {
    for (const { path, table, hidden } of COMMANDS.filter(({ table }) => Object.keys(table).length > 0)) {
      if (hidden) continue;
      const offered = complete([...path, "--"]);
      for (const [flag, { secret }] of Object.entries(table))
        if (!secret) expect(offered).toContain(`--${flag}`);
    }
  }, 30_000);
});

describe.skipIf(Bun.which("fish") === null)("fish", () => {
  test.each(OFFERS)("%p", (words, some, none) => {
    const line = ["openvalidator", ...words].join(" ");
    const offered = linesOf(
      output(["fish", "--no-config", "-c", `source ./fish; complete -C '${line}'`]),
    ).map((offer) => shown(offer.split("\t")[0]!.replaceAll("\\", "")));
    expect(offered).toEqual(expect.arrayContaining(some));
    for (const word of none) expect(offered).not.toContain(word);
  });
});

describe.skipIf(Bun.which("zsh") === null)("zsh", () => {
  // The parts that only an interactive shell has say what they were asked.
  const STUBS = `compdef() { : }; _describe() { print -l -- "\${(@P)2%%:*}" }; _arguments() { print -l -- "$words[*]" "$@" }`;

  test.each([
    [["wal"], ["wallet"], ["create"]],
    [["wallet", ""], ["create", "show"], ["run"]],
    [["wallet", "show", "--"], ["openvalidator --"], ["--netuid"]],
    [["--log.form"], ["openvalidator --log.form"], []],
    [["run", "--log.format", "p"], ["openvalidator --log.format p"], []],
  ])("%p", (words, some, none) => {
    const line = ["openvalidator", ...words].map((word) => `'${word}'`).join(" ");
    const script = `${STUBS}; source ./zsh; words=(${line}); CURRENT=${words.length + 1}; PREFIX='${words.at(-1)}'; _openvalidator`;
    const offered = linesOf(output(["zsh", "-f", "-c", script]));
    expect(offered).toEqual(expect.arrayContaining(some));
    for (const word of none) expect(offered).not.toContain(word);
    if (words.includes("--log.format"))
      expect(
        offered.some(
          (spec) => spec.startsWith("--log.format[") && spec.endsWith(":value:(auto pretty plain json)"),
        ),
      ).toBe(true);
  });
});

test("completion names the shells it knows", async () => {
  expect((await captured(["completion", "bash"])).stdout).toContain(
    "complete -F _openvalidator openvalidator",
  );
  const { exitCode, stderr } = await captured(["completion", "tcsh"]);
  expect(exitCode).toBe(64);
  expect(stderr).toContain("openvalidator completion bash|zsh|fish");
});
