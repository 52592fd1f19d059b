import { describe, expect, test } from "bun:test";
import { asHotkey, asUid } from "../../src/base/units.ts";
import type { OwnFault, Reply } from "../../src/base/vocabulary.ts";
import { commonCause, faultOfAnswer, faultOfConnection } from "../../src/miners/fault.ts";

const reply = (more: Partial<Reply> = {}): Reply => ({
  uid: asUid(1),
  hotkey: asHotkey("a"),
  status: 503,
  message: "Service unavailable",
  completion: null,
  elapsedMs: 5,
  ...more,
});
const answer = reply({ status: 200, message: "Success", completion: "text", reached: true });
const absent = reply({ reached: false });
const blaming = (fault: OwnFault, message = "") => reply({ status: 401, message, fault, reached: true });
const times = (count: number, one: Reply): Reply[] => Array<Reply>(count).fill(one);
const causeOf = (...replies: Reply[]) => commonCause(replies)?.cause;

describe("the fault in one answer", () => {
  const TOO_OLD =
    "Not Verified with error: Nonce is too old: acceptable delta is 16.00 seconds but request was 3600.00 seconds old.";
  test.each([
    [401, TOO_OLD, "clock"],
    [401, "Not Verified with error: Nonce is in the future", "clock"],
    [401, "request timestamp too old", "clock"],
    [401, "Not Verified with error: Nonce is too old, a newer one was last processed", "refused"],
    [401, "Not Verified with error: Nonce was used before", "refused"],
    [401, "Not Verified with error: Signature mismatch", "refused"],
    [403, "Forbidden. Key is blacklisted: not a validator.", "refused"],
    [429, "", "refused"],
    [500, "Nonce is too old: a lie in another place", undefined],
    [200, "Success", undefined],
    [404, "Synapse name 'Prompting' not found", undefined],
    [408, "Response timeout", undefined],
  ] as const)("%d %s is %p", (status, message, fault) => {
    expect(faultOfAnswer(status, message)).toBe(fault);
  });
});

test("the kernel's codes of this machine's own trouble are told from a miner's absence", () => {
  expect(faultOfConnection("EMFILE", "20.30.40.50")).toBe("descriptors");
  expect(faultOfConnection("ENFILE", "20.30.40.50")).toBe("descriptors");
  expect(faultOfConnection("ENETUNREACH", "20.30.40.50")).toBe("network");
  expect(faultOfConnection("EADDRNOTAVAIL", "127.0.0.1")).toBe("network");
  expect(faultOfConnection("ECONNREFUSED", "127.0.0.1")).toBeUndefined();
  expect(faultOfConnection("EHOSTUNREACH", "127.0.0.1")).toBeUndefined();
});

describe("the common cause of a step's replies", () => {
  test("is none when one miner gave evidence of itself", () => {
    expect(causeOf(answer, ...times(15, absent))).toBeUndefined();
    expect(causeOf(...times(15, blaming("clock")), answer)).toBeUndefined();
    const notFound = reply({ status: 404, reached: true });
    expect(causeOf(...times(15, absent), notFound)).toBeUndefined();
    expect(causeOf(...times(15, blaming("refused")), notFound)).toBeUndefined();
  });

  test("is that nobody was reached when nothing came back over HTTP from anyone", () => {
    const silent = reply({ status: 408, elapsedMs: 10_000, reached: false });
    expect(causeOf(...times(8, absent), ...times(8, silent))).toBe("unreachable");
    expect(commonCause(times(16, absent))!.text).toContain("none of 16 miners");
  });

  test.each(["clock", "refused"] as const)("is %s when all who answer name it", (fault) => {
    expect(causeOf(...times(16, blaming(fault)))).toBe(fault);
  });

  test("is descriptors when a single call could not be made: the rest of the step would be judged without it", () => {
    const undialled = reply({ elapsedMs: 0, fault: "descriptors", reached: false });
    expect(causeOf(...times(15, reply({})), undialled)).toBe("descriptors");
  });

  test("names the direction in which the clock is wrong", () => {
    const ahead = commonCause(times(16, blaming("clock", "Nonce is in the future")))!;
    expect(ahead.text).toBe("all 16 miners say the nonce is in the future");
    const behind = commonCause(times(3, blaming("clock", "Nonce is too old: …")))!;
    expect(behind.text).toContain("the nonce is too old");
  });

  test("does not mind miners that are absent or cannot be called, but wants at least half to name it", () => {
    const uncallable = reply({ elapsedMs: 0, message: "Not called: private address" });
    expect(causeOf(...times(10, blaming("clock")), ...times(5, absent), uncallable)).toBe("clock");
    expect(commonCause([...times(10, blaming("clock")), ...times(5, absent)])!.text).toStartWith("10 of 15");
    expect(causeOf(blaming("clock"), ...times(15, absent))).toBeUndefined();
    expect(causeOf(...times(4, uncallable))).toBeUndefined();
    expect(causeOf(...times(3, absent), ...times(4, uncallable))).toBe("unreachable");
  });

  test("is not hidden by one miner of an address family that this machine lacks", () => {
    const unroutable = reply({ fault: "network", reached: false });
    expect(causeOf(unroutable, ...times(15, absent))).toBe("unreachable");
    expect(causeOf(...times(15, unroutable), absent)).toBe("network");
    expect(causeOf(unroutable, ...times(15, answer))).toBeUndefined();
  });

  test("counts who could not be called for a fault of this machine", () => {
    expect(causeOf(...times(4, reply({ elapsedMs: 0, fault: "descriptors", reached: false })))).toBe(
      "descriptors",
    );
  });

  test("is none for different faults, for no replies, and while the run stops", () => {
    expect(causeOf(...times(8, blaming("clock")), ...times(8, blaming("refused")))).toBeUndefined();
    expect(causeOf()).toBeUndefined();
    expect(causeOf(...times(15, absent), reply({ status: 499, fault: "stopped" }))).toBeUndefined();
  });

  test("shows no stranger's text", () => {
    const text = commonCause(times(4, blaming("refused", "\u001b[31mpay me")))!.text;
    expect(text).not.toContain("pay me");
  });
});
