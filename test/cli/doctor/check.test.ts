import { expect, test } from "bun:test";
import { Failure } from "../../../src/base/error.ts";
import { type Check, type Finding, ok, runChecks, warn } from "../../../src/cli/doctor/check.ts";
import { Patient } from "../../../src/cli/doctor/patient.ts";
import { asText } from "../../../src/cli/doctor/report.ts";
import { loadConfiguration } from "../../../src/config/load.ts";
import { OPTIONS } from "../../../src/config/options.ts";

function patient(more: { signal?: AbortSignal; isOffline?: boolean; isDeep?: boolean } = {}): Patient {
  return new Patient({
    settings: loadConfiguration(OPTIONS, { flags: {}, environment: {} }).settings,
    networkWins: false,
    environment: {},
    signal: new AbortController().signal,
    isOffline: false,
    isDeep: false,
    hasTerminal: false,
    ...more,
  });
}

const check = (name: string, run: Check["run"], more: Partial<Check> = {}): Check => ({
  name,
  timeoutMs: 1000,
  run,
  ...more,
});

test("a check that throws, hangs or speaks a terminal's language is a finding, and the others go on", async () => {
  const results = await runChecks(
    [
      check("throws", () => {
        throw new Failure("x.y", { message: "it broke at ws://u:secret@h/", hint: "mend\nit" });
      }),
      check("no error", () => Promise.reject("a word")),
      check("hangs", () => new Promise<Finding>(() => {}), { timeoutMs: 20 }),
      check("many", () => [ok("one"), warn("\u001b[31mtwo\n\u202e", "look")]),
      check("refused", () => {
        throw Object.assign(new Error("EACCES: no"), { code: "EACCES" });
      }),
    ],
    patient(),
  );
  expect(results.map(({ name, status }) => `${name} ${status}`)).toEqual([
    "throws fail",
    "no error fail",
    "hangs fail",
    "many ok",
    "many warn",
    "refused fail",
  ]);
  expect(results[0]).toMatchObject({ found: "it broke at ws://***@h", fix: "Mend it." });
  expect(results[2]?.found).toBe("this check took longer than 0.02 s");
  expect(results[4]?.found).toBe("\\u{1b}[31mtwo \\u{202e}");
  expect(results[5]?.fix).toContain("Give this user the right");
  const text = asText(results);
  expect(text).toContain("✗ throws    it broke at ws://***@h\n            → Mend it.\n");
  expect(text).toEndWith("\n1 right, 1 to look at, 4 wrong\n");
  expect(asText(results, 60)).toContain("✗ throws    it broke at ws://***@h\n            → Mend it.\n");
  expect(asText(results, 40)).toContain("✗ throws\n    it broke at ws://***@h\n    → Mend it.\n");
});

test("a stop ends every wait, a deadline tells the work, and depth has its own time", async () => {
  const stop = new AbortController();
  let told = false;
  const slow = check(
    "slow",
    (_, signal) => {
      signal.addEventListener("abort", () => {
        told = true;
      });
      return Bun.sleep(100).then(() => ok("done"));
    },
    { timeoutMs: 10, deepMs: 5000 },
  );
  expect((await runChecks([slow], patient()))[0]?.status).toBe("fail");
  expect(told).toBe(true);
  expect((await runChecks([slow], patient({ isDeep: true })))[0]?.status).toBe("ok");
  const hanging = runChecks(
    [check("hangs", () => new Promise<Finding>(() => {}), { timeoutMs: 60_000 })],
    patient({ signal: stop.signal }),
  );
  stop.abort();
  expect((await hanging)[0]).toMatchObject({ status: "fail", found: "stopped while waiting" });
  const left = await runChecks(
    [check("far", () => ok("reached"), { needsNetwork: true })],
    patient({ isOffline: true }),
  );
  expect(left[0]?.status).toBe("skip");
});
