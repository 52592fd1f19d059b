/** What a verified request comes to: a text, a failure of the miner's program, or a response that breaks the rules. */
export type Reaction =
  | { kind: "completion"; text: string }
  | { kind: "failure" }
  | { kind: "response"; response: Response };

export interface Demand {
  prompt: string;
  /** How long the validator waits, as it said. */
  timeoutMs: number;
  /** Aborted when the validator has gone. */
  signal: AbortSignal;
}

export type Behaviour = (demand: Demand) => Promise<Reaction>;
