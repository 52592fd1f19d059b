import { afterEach, beforeEach } from "bun:test";
import { configureLog, type LogLevel } from "../src/base/log.ts";
import { noteSecrets } from "./canaries.ts";

/** As the log's plain form begins. */
const BELOW_ERROR = /^\S+ (?:WARN|INFO|DEBUG|TRACE) /;

/**
 * The log as tests begin with it. Every line is made, and searched for secrets; but tests provoke many warnings on
 * purpose, and a reader of the test output wants to see failures only.
 */
export function configureTestLog(): void {
  configureLog({
    level: "trace",
    format: "plain",
    write: (line) => {
      noteSecrets("the log", line);
      if (!BELOW_ERROR.test(line)) process.stderr.write(line);
    },
  });
}

/** For the top of a test file or group: the log lines of each test, which go nowhere else. */
export function capturedLog(level: LogLevel = "info"): string[] {
  const lines: string[] = [];
  const write = (line: string): void => {
    noteSecrets("the log", line);
    lines.push(line);
  };
  beforeEach(() => {
    lines.length = 0;
    configureLog({ level, format: "plain", write });
  });
  afterEach(configureTestLog);
  return lines;
}
