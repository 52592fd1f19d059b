import { flagsOf } from "./arguments.ts";
import { type Command, nameOfCommand } from "./command.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What a shell is told of one flag. */
interface Flag {
  name: string;
  help: string;
  needsValue: boolean;
  /** The words it takes, where they are a closed set. */
  choices: readonly string[];
  isPath: boolean;
}

const NO_WORDS: readonly string[] = [];
/** Hints of words that name a file or a folder. */
const PATH_WORDS = /\b(?:FILE|FOLDER)\b/;

/** Text for the shell to read, made from the table of commands and their options. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const visible = commands.filter(({ hidden }) => !hidden);
  if (shell === "bash") return bash(visible);
  return shell === "zsh" ? zsh(visible) : fish(visible);
}

function completedFlags(command: Command): Flag[] {
  const flags = [...flagsOf(command)].flatMap(([name, { needsValue }]): Flag[] => {
    const option = command.table[name];
    // A secret cannot be given on the command line.
    if (option?.secret) return [];
    const hint = option?.kind.hint ?? "";
    const help = option?.help ?? command.switches?.[name] ?? "Config file.";
    const isPath = hint === "PATH" || option === undefined;
    const choices = /^[a-z]+(?:\|[a-z]+)+$/.test(hint) ? hint.split("|") : NO_WORDS;
    return [{ name, help, needsValue, choices, isPath: needsValue && isPath }];
  });
  return [
    ...flags,
    { name: "help", help: "Show help.", needsValue: false, choices: NO_WORDS, isPath: false },
  ];
}

/** Words that may follow `before`, with a summary each: first words of commands, or second words of a group. */
function nextWords(commands: readonly Command[], before?: string): [word: string, summary: string][] {
  const found = new Map<string, string>();
  for (const command of commands) {
    const [first, second] = command.path as [string, string?];
    if (before === undefined) {
      if (!found.has(first)) found.set(first, second === undefined ? command.summary : `${first} …`);
    } else if (first === before && second !== undefined) found.set(second, command.summary);
  }
  return [...found];
}

function groupsOf(commands: readonly Command[]): string[] {
  return [...new Set(commands.filter(({ path }) => path.length > 1).map(({ path }) => path[0]!))];
}

/** Patterns of `first,second` where a group is meant as the command that it is, too. */
function alsoGroups(commands: readonly Command[]): string {
  const groups = groupsOf(commands);
  const both = commands.filter(({ path }) => path.length === 1 && groups.includes(path[0]!));
  return both.map(({ path }) => `${path[0]},|${path[0]},-*`).join("|");
}

/** A single-quoted word of any of the three shells; fish alone knows a backslash within quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "").replaceAll("'", "’")}'`;
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const flags = completedFlags(command);
    const valued = flags.filter(({ needsValue }) => needsValue).map(({ name }) => `--${name}`);
    const list = flags.map(({ name }) => `--${name}`).join(" ");
    const choices = flags
      .filter((flag) => flag.choices.length > 0)
      .map((flag) => `      --${flag.name}) words=${quoted(flag.choices.join(" "))} ;;`);
    const paths = flags.filter(({ isPath }) => isPath).map(({ name }) => `--${name}`);
    return [
      `    ${quoted(nameOfCommand(command))})`,
      `      flags=${quoted(list)}`,
      `      takes_files=${command.words !== undefined && PATH_WORDS.test(command.words.hint) ? 1 : 0}`,
      "      case $previous in",
      ...choices.map((line) => `  ${line}`),
      ...(paths.length > 0 ? [`        ${paths.join("|")}) files=1 ;;`] : []),
      ...(valued.length > 0 ? [`        ${valued.join("|")}) words=' ' ;;`] : []),
      "      esac",
      "      ;;",
    ].join("\n");
  });
  const groups = groupsOf(commands).map(
    (group) =>
      `      ${group}) words=${quoted(
        nextWords(commands, group)
          .map(([word]) => word)
          .join(" "),
      )} ;;`,
  );
  return `# bash completion of openvalidator: put this file into /etc/bash_completion.d, or source it.
_openvalidator() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=run words='' flags='' files=0 takes_files=0
  local first=\${COMP_WORDS[1]} second=\${COMP_WORDS[2]}
  COMPREPLY=()
  # Bash cuts words at "=" and ":".
  if [[ $current == '=' ]]; then current=''; fi
  if [[ $previous == '=' ]]; then previous=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if (( COMP_CWORD == 1 )) && [[ $current != -* ]]; then
    COMPREPLY=( $(compgen -W ${quoted(
      nextWords(commands)
        .map(([word]) => word)
        .join(" "),
    )} -- "$current") )
    return
  fi
  case $first in
    ${groupsOf(commands).join("|")}) command="$first $second" ;;
    -*) command=run ;;
    *) command=$first ;;
  esac
  case $first,$second in
    ${alsoGroups(commands)}) command=$first ;;
  esac
  if (( COMP_CWORD == 2 )) && [[ $current != -* ]]; then
    case $first in
${groups.join("\n")}
    esac
    if [[ -n $words ]]; then
      COMPREPLY=( $(compgen -W "$words" -- "$current") )
      return
    fi
  fi
  case $command in
${cases.join("\n")}
  esac
  if (( files )); then
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY=( $(compgen -f -- "$current") )
  elif [[ -n $words ]]; then
    COMPREPLY=( $(compgen -W "$words" -- "$current") )
  elif [[ $current == -* || $takes_files == 0 ]]; then
    COMPREPLY=( $(compgen -W "$flags" -- "$current") )
  else
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY=( $(compgen -f -- "$current") )
  fi
}
complete -F _openvalidator openvalidator
`;
}

/** Text within the brackets of an _arguments specification. */
function zshText(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, " ").replaceAll("'", "’");
}

function zsh(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const specs = completedFlags(command).map(({ name, help, needsValue, choices, isPath }) => {
      const value = choices.length > 0 ? `(${choices.join(" ")})` : isPath ? "_files" : " ";
      // With "=" the value is completed after it as well as in the next word.
      return `      '--${name}${needsValue ? "=" : ""}[${zshText(help)}]${needsValue ? `:value:${value}` : ""}'`;
    });
    const files =
      command.words !== undefined && PATH_WORDS.test(command.words.hint) ? [`      '*:file:_files'`] : [];
    return [
      `    ${quoted(nameOfCommand(command))})`,
      "      _arguments -S \\",
      [...specs, ...files].join(" \\\n"),
      "      ;;",
    ].join("\n");
  });
  const list = (words: [string, string][]): string =>
    words.map(([word, summary]) => quoted(`${word}:${summary}`)).join(" ");
  const groups = groupsOf(commands).map(
    (group) => `      ${group}) names=( ${list(nextWords(commands, group))} ) ;;`,
  );
  return `#compdef openvalidator
# zsh completion of openvalidator: put this file as _openvalidator into a folder of $fpath.
_openvalidator() {
  local command=run
  local -a names
  if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then
    names=( ${list(nextWords(commands))} )
    _describe command names
    return
  fi
  case $words[2] in
    ${groupsOf(commands).join("|")}) command="$words[2] $words[3]" ;;
    -*) ;;
    *) command=$words[2] ;;
  esac
  case $words[2],$words[3] in
    ${alsoGroups(commands)}) command=$words[2] ;;
  esac
  if (( CURRENT == 3 )) && [[ $PREFIX != -* ]]; then
    case $words[2] in
${groups.join("\n")}
    esac
    if (( $#names )); then
      _describe command names
      return
    fi
  fi
  # What follows knows nothing of the words of the command.
  if [[ $words[2] != -* ]]; then
    local -a parts=( \${(z)command} )
    local count=$#parts
    words=( openvalidator "\${(@)words[count+2,-1]}" )
    (( CURRENT -= count ))
  fi
  case $command in
${cases.join("\n")}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _openvalidator "$@"; else compdef _openvalidator openvalidator; fi
`;
}

function fish(commands: readonly Command[]): string {
  const lines = [
    "# fish completion of openvalidator: put this file into ~/.config/fish/completions.",
    "complete -c openvalidator -f",
    "function __openvalidator_at --description 'whether the command line is at these words'",
    "  set -l words (commandline -opc)[2..-1]",
    '  test "$words" = "$argv"',
    "end",
    "function __openvalidator_in --description 'whether the command line begins with these words'",
    "  set -l words (commandline -opc)[2..-1]",
    '  string match -q -- "$argv *" "$words "',
    "end",
    "function __openvalidator_default --description 'whether flags belong to run'",
    "  set -l words (commandline -opc)[2..-1]",
    "  test (count $words) -eq 0; or string match -q -- '-*' $words[1]",
    "end",
  ];
  for (const [word, summary] of nextWords(commands))
    lines.push(`complete -c openvalidator -n __openvalidator_at -a ${word} -d ${quoted(summary)}`);
  for (const group of groupsOf(commands))
    for (const [word, summary] of nextWords(commands, group))
      lines.push(
        `complete -c openvalidator -n '__openvalidator_at ${group}' -a ${word} -d ${quoted(summary)}`,
      );
  for (const command of commands) {
    const below = commands.filter(
      ({ path }) => command.path.length === 1 && path.length > 1 && path[0] === command.path[0],
    );
    const within = [
      `__openvalidator_in ${nameOfCommand(command)}`,
      ...below.map((member) => `not __openvalidator_in ${nameOfCommand(member)}`),
    ].join("; and ");
    const conditions = command === commands[0] ? [within, "__openvalidator_default"] : [within];
    for (const condition of conditions)
      for (const { name, help, needsValue, choices, isPath } of completedFlags(command)) {
        const value = choices.length > 0 ? ` -xa ${quoted(choices.join(" "))}` : isPath ? " -rF" : " -x";
        lines.push(
          `complete -c openvalidator -n '${condition}' -l ${name}${needsValue ? value : ""} -d ${quoted(help)}`,
        );
      }
    if (command.words !== undefined && PATH_WORDS.test(command.words.hint))
      lines.push(`complete -c openvalidator -n '${within}' -F`);
  }
  return `${lines.join("\n")}\n`;
}
