import { Failure, messageOf } from "../base/error.ts";

/** sysexits(3), as far as systemd and operators tell them apart. */
export const EXIT = {
  ok: 0,
  usage: 64,
  unavailable: 69,
  internal: 70,
  cannotCreate: 73,
  tryLater: 75,
  configuration: 78,
} as const;

/** Codes first by whole name, then by room. */
const EXIT_BY_CODE: Readonly<Record<string, number>> = {
  "config.unreadable": EXIT.configuration,
  config: EXIT.usage,
  wallet: EXIT.configuration,
  "chain.not-registered": EXIT.configuration,
  "chain.no-permit": EXIT.configuration,
  "chain.wrong-genesis": EXIT.configuration,
  "chain.bad-endpoint": EXIT.configuration,
  chain: EXIT.tryLater,
  gpu: EXIT.unavailable,
  model: EXIT.unavailable,
  inference: EXIT.unavailable,
  rewards: EXIT.configuration,
  gating: EXIT.usage,
  journal: EXIT.configuration,
  state: EXIT.cannotCreate,
  deadline: EXIT.tryLater,
};

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof Failure)) return EXIT.internal;
  return EXIT_BY_CODE[error.code] ?? EXIT_BY_CODE[error.code.split(".")[0]!] ?? EXIT.internal;
}

/** What an operator reads: one sentence and the next step; a stack only for what nobody expected. */
export function describeError(error: unknown): string {
  if (error instanceof Failure) {
    const hint = error.hint === undefined ? "" : `\n  → ${error.hint}`;
    return `error: ${error.message}${hint}\n`;
  }
  const stack = error instanceof Error && error.stack ? `\n${error.stack}` : "";
  return `error: unexpected: ${messageOf(error)}${stack}\n  → this is a fault of openvalidator; please report it with the lines above\n`;
}
