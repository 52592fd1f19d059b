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
  [["wallet", ""], ["create", "import", "show"], ["--netuid"]],
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

/** Asks an interactive zsh of its own, at its prompt, what it offers for each line; every compadd says its matches. */
const ASK_ZSH = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'compadd() {
  local -a hits
  if [[ " \${@[1,(i)(-|--)]} " != *" -"[OAD]" "* ]]; then builtin compadd -A hits "$@"; print -l -- $hits >>offers; fi
  builtin compadd "$@"
}
fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -D -u
ask() { _main_complete; compstate[insert]=; compstate[list]=; print -n "AS""KED" }
zle -C ask complete-word ask; bindkey "^T" ask; print "REA""DY"'
zpty -r shell shown '*READY*'
for line in "$@"; do
  : >offers
  zpty -w -n shell "$line"$'\\C-t'
  zpty -r shell shown '*ASKED*'
  zpty -w -n shell $'\\C-u'
  print -r -- "> $line"
  cat offers
done
zpty -d shell
`;

describe.skipIf(Bun.which("zsh") === null)("zsh", () => {
  /** What is offered for the last of the words of each line, by line. */
  function complete(lines: string[][]): string[][] {
    mkdirSync(join(directory, "functions"), { recursive: true });
    writeFileSync(join(directory, "functions", "_openvalidator"), completionScript("zsh", COMMANDS));
    const typed = lines.map((words) => ["openvalidator", ...words].join(" "));
    const offers = output(["zsh", "-f", "-c", ASK_ZSH, "ask", ...typed])
      .split(/^> .*$/m)
      .slice(1);
    return offers.map((offer) => linesOf(offer).map(shown));
  }

  test("offers at its prompt what the others do", () => {
    const offered = complete(OFFERS.map(([words]) => words));
    for (const [index, [, some, none]] of OFFERS.entries()) {
      expect(offered[index]).toEqual(expect.arrayContaining(some));
      for (const word of none) expect(offered[index]).not.toContain(word);
    }
  });

  test("follows = and keeps secrets and hidden commands to itself", () => {
    const [afterEqual, data, commands] = complete([["run", "--log.format=js"], ["run", "--data."], [""]]);
    expect(afterEqual).toEqual(["json"]);
    expect(data).toContain("--data.source");
    expect(data).not.toContain("--data.token");
    expect(commands).toContain("run");
    expect(commands).not.toContain("inference-worker");
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
