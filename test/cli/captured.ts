import { runCli } from "../../src/cli/cli.ts";
import { noteSecrets } from "../canaries.ts";

/** Runs a command line in this process and keeps what it prints, which is searched for secrets. */
export async function captured(words: readonly string[], environment: Record<string, string> = {}) {
  let stdout = "";
  let stderr = "";
  const exitCode = await runCli([...words], {
    environment,
    signal: new AbortController().signal,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  noteSecrets(`what ${words.join(" ")} prints`, stdout + stderr);
  return { exitCode, stdout, stderr };
}
