import { Failure } from "../base/error.ts";

/** sysexits(3), as far as systemd and operators tell them apart. */
export const EXIT = {
  /** Done; what runs until it is stopped was stopped; nobody reads further. */
  ok: 0,
  /** `doctor` found something that keeps a validator from working, or `status` one that is not healthy. */
  unhealthy: 1,
  /** `self-update --check`: there is a release to go to. */
  updateAvailable: 10,
  /** `self-update`: a release was not well, and the one before it runs again. */
  rolledBack: 20,
  /** A flag or value is wrong. */
  usage: 64,
  /** What came is not what was signed. */
  badData: 65,
  /** No model or device can be used; `status`: no validator runs; `dataset`, `analyze`: no answer is left of the events. */
  unavailable: 69,
  /** A fault of this program. */
  internal: 70,
  /** A file or folder cannot be read or written. */
  cannotCreate: 73,
  /** Standard output cannot be written. */
  outputFailed: 74,
  /** Chain, network or data cannot be reached now; what ends by itself was stopped before that. */
  tryLater: 75,
  /** This user may not do that. */
  noPermission: 77,
  /** Wallet, registration or configuration need a person. */
  configuration: 78,
} as const;

/** THE table of exit codes: by whole code first, then by room. */
export const EXIT_BY_CODE: Readonly<Record<string, number>> = {
  "config.unreadable": EXIT.configuration,
  "config.exists": EXIT.cannotCreate,
  "config.no-home": EXIT.configuration,
  "config.no-directory": EXIT.configuration,
  config: EXIT.usage,
  "wallet.no-message": EXIT.usage,
  "wallet.bad-signature": EXIT.usage,
  "wallet.bad-address": EXIT.usage,
  wallet: EXIT.configuration,
  "chain.not-registered": EXIT.configuration,
  "chain.no-permit": EXIT.configuration,
  "chain.wrong-genesis": EXIT.configuration,
  "chain.bad-endpoint": EXIT.configuration,
  "chain.unknown-subnet": EXIT.configuration,
  "chain.unknown-mechanism": EXIT.configuration,
  "chain.unsupported-runtime": EXIT.configuration,
  chain: EXIT.tryLater,
  gpu: EXIT.unavailable,
  model: EXIT.unavailable,
  inference: EXIT.unavailable,
  native: EXIT.unavailable,
  rewards: EXIT.configuration,
  gating: EXIT.usage,
  "prompts.unreachable": EXIT.tryLater,
  prompts: EXIT.configuration,
  "data.unreachable": EXIT.tryLater,
  data: EXIT.configuration,
  net: EXIT.tryLater,
  "miners.unusable-key": EXIT.configuration,
  miners: EXIT.tryLater,
  timelock: EXIT.tryLater,
  /** Scores that are no numbers, or of other miners: nothing an operator did. */
  weights: EXIT.internal,
  "wandb.unreachable": EXIT.tryLater,
  "wandb.bad-filter": EXIT.usage,
  wandb: EXIT.configuration,
  journal: EXIT.configuration,
  sources: EXIT.configuration,
  "dataset.conflict": EXIT.usage,
  "dataset.busy": EXIT.tryLater,
  "dataset.empty": EXIT.unavailable,
  "analysis.empty": EXIT.unavailable,
  dataset: EXIT.cannotCreate,
  "query.no-room": EXIT.cannotCreate,
  "query.no-memory": EXIT.unavailable,
  "query.other-export": EXIT.cannotCreate,
  "query.busy": EXIT.tryLater,
  "query.stopped": EXIT.tryLater,
  query: EXIT.usage,
  "explain.bad-word": EXIT.usage,
  "explain.not-found": EXIT.configuration,
  "state.missing": EXIT.configuration,
  state: EXIT.cannotCreate,
  "localnet.unreachable": EXIT.tryLater,
  localnet: EXIT.usage,
  "input.is-folder": EXIT.cannotCreate,
  input: EXIT.configuration,
  "output.no-folder": EXIT.cannotCreate,
  "output.is-folder": EXIT.cannotCreate,
  "output.is-source": EXIT.cannotCreate,
  output: EXIT.outputFailed,
  demo: EXIT.unavailable,
  deadline: EXIT.tryLater,
  /** operations of self-update: what systemd's timer and fleets tell apart. */
  "update.untrusted": EXIT.badData,
  "update.stale": EXIT.badData,
  "update.older": EXIT.badData,
  "update.unreachable": EXIT.unavailable,
  "update.no-release": EXIT.unavailable,
  "update.busy": EXIT.tryLater,
  "update.local": EXIT.cannotCreate,
  "update.no-permission": EXIT.noPermission,
  "update.no-keys": EXIT.configuration,
  "update.not-ours": EXIT.configuration,
  "update.unfit": EXIT.badData,
  "update.rolled-back": EXIT.rolledBack,
  "update.rollback-failed": EXIT.internal,
  "service.bad-line": EXIT.usage,
  "service.needs-root": EXIT.noPermission,
  "service.not-ours": EXIT.cannotCreate,
  "service.no-hotkey": EXIT.configuration,
  service: EXIT.unavailable,
};

/** What the operating system refuses, wherever it does so: the exit code and what the operator can do. */
const BY_ERRNO: Readonly<Record<string, { exit: number; hint: string }>> = {
  EACCES: { exit: EXIT.cannotCreate, hint: "give this user the right to it, or choose another folder" },
  EPERM: { exit: EXIT.cannotCreate, hint: "give this user the right to it, or choose another folder" },
  EROFS: { exit: EXIT.cannotCreate, hint: "choose a folder on a disk that can be written" },
  ENOSPC: { exit: EXIT.cannotCreate, hint: "make room on that disk" },
  EDQUOT: { exit: EXIT.cannotCreate, hint: "make room within this user's quota" },
  ENOENT: { exit: EXIT.cannotCreate, hint: "check its name" },
  EEXIST: { exit: EXIT.cannotCreate, hint: "choose another path" },
  ENOTEMPTY: {
    exit: EXIT.cannotCreate,
    hint: "a folder that is not empty has that name; choose another path",
  },
  ENOTDIR: { exit: EXIT.cannotCreate, hint: "choose another path" },
  EISDIR: { exit: EXIT.cannotCreate, hint: "choose another path" },
  ELOOP: { exit: EXIT.cannotCreate, hint: "links lead in a circle there; choose another path" },
  ENXIO: { exit: EXIT.cannotCreate, hint: "that is a socket or a device; choose another path" },
  EXDEV: { exit: EXIT.cannotCreate, hint: "choose a folder that is on one disk" },
  EFBIG: { exit: EXIT.cannotCreate, hint: "that disk takes no file so large; choose another" },
  EBUSY: { exit: EXIT.cannotCreate, hint: "the system uses it; choose another path" },
  ETXTBSY: { exit: EXIT.cannotCreate, hint: "it is a program that runs; stop that, or choose another path" },
  EINVAL: { exit: EXIT.cannotCreate, hint: "that disk takes no such name or file; choose another path" },
  ENOTSUP: { exit: EXIT.cannotCreate, hint: "that disk cannot do it; choose a folder on another" },
  ESTALE: { exit: EXIT.cannotCreate, hint: "the disk of another machine went away; mount it anew" },
  EIO: { exit: EXIT.cannotCreate, hint: "the disk has a fault, or went away; look at the log of the system" },
  ENAMETOOLONG: { exit: EXIT.cannotCreate, hint: "choose a shorter path" },
  EADDRINUSE: {
    exit: EXIT.configuration,
    hint: "stop what holds it, or choose another port: localnet --port",
  },
  EADDRNOTAVAIL: { exit: EXIT.configuration, hint: "choose an address of this machine" },
  EMFILE: { exit: EXIT.tryLater, hint: "let this process open more files (ulimit -n)" },
  ENFILE: { exit: EXIT.tryLater, hint: "this machine has too many files open" },
  ENOMEM: { exit: EXIT.unavailable, hint: "make memory free" },
};

/** What the C library writes behind an error of DuckDB's, which has no number. */
const BY_WORDS: Readonly<Record<string, string>> = {
  "Permission denied": "EACCES",
  "Operation not permitted": "EPERM",
  "Read-only file system": "EROFS",
  "No space left on device": "ENOSPC",
  "Disk quota exceeded": "EDQUOT",
  "Is a directory": "EISDIR",
  "File too large": "EFBIG",
  "Input/output error": "EIO",
  "Stale file handle": "ESTALE",
  "Too many open files": "EMFILE",
  "Too many open files in system": "ENFILE",
};

/** What an error of the operating system gives, also one that DuckDB tells in words; undefined for any other. */
export function refusedBySystem(error: unknown): { exit: number; hint: string } | undefined {
  if (!(error instanceof Error)) return undefined;
  const [, words = ""] = /^IO Error: .*: ([A-Z][^:\n]+)/.exec(error.message) ?? [];
  const code = "code" in error ? String(error.code) : Object.hasOwn(BY_WORDS, words) ? BY_WORDS[words]! : "";
  return Object.hasOwn(BY_ERRNO, code) ? BY_ERRNO[code] : undefined;
}

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof Failure)) return refusedBySystem(error)?.exit ?? EXIT.internal;
  return EXIT_BY_CODE[error.code] ?? EXIT_BY_CODE[error.code.split(".")[0]!] ?? EXIT.internal;
}
