import { configureLog } from "../src/base/log.ts";

// Tests provoke many warnings on purpose; a reader of the test output wants to see failures only.
configureLog({ level: "error", format: "plain" });
