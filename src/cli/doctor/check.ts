import { orAborted, withDeadline } from "../../base/deadline.ts";
import { Failure, messageOf } from "../../base/error.ts";
import { printable } from "../../base/text.ts";
import { hideUrls } from "../../base/url.ts";
import { refusedBySystem } from "../exit-codes.ts";
import { sentenceOf } from "../hint-form.ts";
import type { Patient } from "./patient.ts";

/**
 * - `ok`: as it should be.
 * - `warn`: a validator starts with it, and may not do what its operator wants.
 * - `fail`: a validator would not start, or would set no weights.
 * - `skip`: could not be looked at, for what it rests on is missing or left out by `--offline`.
 */
export type Status = "ok" | "warn" | "fail" | "skip";

/** What one look came to. */
export interface Finding {
  status: Status;
  /** One sentence, without secrets. */
  found: string;
  /** One sentence: what the operator does next. Where nothing is to be done, null. */
  fix: string | null;
}

export interface Check {
  /** Room and thing, as in `wallet.password`; stays the same from version to version. */
  readonly name: string;
  /** Milliseconds after which it counts as failed. */
  readonly timeoutMs: number;
  /** The same with `--deep`, where that takes longer. */
  readonly deepMs?: number;
  /** Asks the chain or another server, so `--offline` leaves it out. */
  readonly needsNetwork?: boolean;
  /** Several findings where there are several things of a kind, such as endpoints. What it throws is a failure. */
  run(patient: Patient, signal: AbortSignal): Finding | Finding[] | Promise<Finding | Finding[]>;
}

export interface Result extends Finding {
  name: string;
  /** How long it took, in seconds. */
  seconds: number;
}

/** What is found of a check that `--offline` leaves out. */
export const LEFT_OUT = "not looked at with --offline";
/** Texts of strangers, such as a node's refusal, can be long. */
const MAX_SHOWN = 400;

export const ok = (found: string): Finding => ({ status: "ok", found, fix: null });
export const warn = (found: string, fix: string): Finding => ({ status: "warn", found, fix });
export const fail = (found: string, fix: string): Finding => ({ status: "fail", found, fix });
export const skip = (found: string): Finding => ({ status: "skip", found, fix: null });

/** What an error tells an operator. */
export function findingOf(error: unknown, status: "warn" | "fail" = "fail"): Finding {
  const hint = error instanceof Failure ? error.hint : refusedBySystem(error)?.hint;
  return { status, found: messageOf(error), fix: hint === undefined ? null : sentenceOf(hint) };
}

/** Runs all side by side, each within its own deadline; never throws. Results stand in the order of the checks. */
export async function runChecks(
  checks: readonly Check[],
  patient: Patient,
  nowMs: () => number = () => performance.now(),
): Promise<Result[]> {
  const results = await Promise.all(checks.map((check) => runOne(check, patient, nowMs)));
  return results.flat();
}

async function runOne(check: Check, patient: Patient, nowMs: () => number): Promise<Result[]> {
  const { name } = check;
  const begun = nowMs();
  const findings = await look(check, patient);
  const seconds = Math.round(nowMs() - begun) / 1000;
  return findings.map((finding) => ({ name, ...shown(finding), seconds }));
}

async function look(check: Check, patient: Patient): Promise<Finding[]> {
  if (check.needsNetwork && patient.isOffline) return [skip(LEFT_OUT)];
  const ends = new AbortController();
  const signal = AbortSignal.any([ends.signal, patient.signal]);
  try {
    const work = Promise.resolve().then(() => check.run(patient, signal));
    const timeoutMs = patient.isDeep ? (check.deepMs ?? check.timeoutMs) : check.timeoutMs;
    return [await orAborted(withDeadline("this check", timeoutMs, work), patient.signal)].flat();
  } catch (error) {
    return [findingOf(error)];
  } finally {
    ends.abort();
  }
}

function shown({ status, found, fix }: Finding): Finding {
  const clean = (text: string): string => printable(hideUrls(text).replace(/\s*\n\s*/g, " "), MAX_SHOWN);
  return { status, found: clean(found), fix: fix === null ? null : clean(fix) };
}
