import type { Result } from "../../../src/cli/doctor/check.ts";
import { captured } from "../captured.ts";

/** What doctor says in JSON, by the name of a check; of several findings the first. */
export async function examined(words: readonly string[], environment: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = await captured(["doctor", "--json", ...words], environment);
  const report = JSON.parse(stdout) as {
    healthy: boolean;
    counts: Record<string, number>;
    checks: Result[];
  };
  const all = (name: string): Result[] => report.checks.filter((check) => check.name === name);
  return {
    exitCode,
    stderr,
    report,
    all,
    one: (name: string): Result | undefined => all(name)[0],
    /** Names of the checks with this status, each once. */
    having: (status: Result["status"]): string[] => [
      ...new Set(report.checks.flatMap((check) => (check.status === status ? check.name : []))),
    ],
  };
}
