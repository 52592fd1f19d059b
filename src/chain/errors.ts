import { Failure, type FailureOptions } from "../base/error.ts";

export type ChainCode =
  | "chain.bad-endpoint"
  | "chain.unreachable"
  | "chain.wrong-genesis"
  | "chain.lagging"
  | "chain.unsupported-runtime"
  | "chain.unexpected-answer"
  | "chain.closed"
  | "chain.unknown-subnet"
  | "chain.unknown-mechanism"
  | "chain.not-registered"
  | "chain.rate-limited"
  | "chain.no-permit"
  | "chain.stake-too-low"
  | "chain.version-too-old"
  | "chain.bad-weights"
  | "chain.path-changed"
  | "chain.clock-wrong"
  | "chain.no-epoch"
  | "chain.no-beacon"
  | "chain.too-many-commits"
  | "chain.serve-refused"
  | "chain.key-disputed"
  | "chain.pool-refused"
  | "chain.dispatch-refused"
  | "chain.outcome-unknown"
  | "chain.reveal-missing"
  | "chain.reveal-unknown";

export type ChainFailure = Failure<ChainCode>;

export function chainFailure(code: ChainCode, options: FailureOptions<unknown>): ChainFailure {
  return new Failure<ChainCode>(code, options);
}
