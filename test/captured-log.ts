import { afterEach, beforeEach } from "bun:test";
import { configureLog, type LogLevel } from "../src/base/log.ts";

/** For the top of a test file or group: the log lines of each test, which go nowhere else. */
export function capturedLog(level: LogLevel = "info"): string[] {
  const lines: string[] = [];
  beforeEach(() => {
    lines.length = 0;
    configureLog({ level, format: "plain", write: (line) => lines.push(line) });
  });
  // As test/preload.ts has it.
  afterEach(() =>
    configureLog({ level: "error", format: "plain", write: (line) => process.stderr.write(line) }),
  );
  return lines;
}
