import { withDeadline } from "../../base/deadline.ts";
import type { Row } from "../../wandb/row.ts";
import { toPlain } from "../../wandb/row.ts";

const INIT_TIMEOUT_MS = 20_000;
/** It takes a second; rows that it has not given away by then are made from the journal. */
const FINISH_TIMEOUT_MS = 1_800;
/** The SDK makes handlers of these for every run, which end the process or keep it from ending, and never takes them back. */
const HANDLED = ["SIGINT", "SIGTERM", "beforeExit"] as const;
/** Would let the SDK hang, or drop every row. */
const HARMFUL_VARIABLES = ["WANDB_WORKER", "WANDB_MODE", "WANDB_DEBUG"];

/** A run of @wandb/sdk. */
export interface ClientRun {
  /** Never waits. */
  log(row: Row): void;
  /** When the SDK has given away its rows, or took too long over it. */
  finish(): Promise<void>;
}

/** Starts a run of @wandb/sdk that speaks to the gateway alone. @throws when it does not start in time */
export async function startClientRun(
  gateway: { url: string; key: string },
  run: { id: string; entity: string; project: string; displayName: string },
): Promise<ClientRun> {
  for (const name of HARMFUL_VARIABLES) delete process.env[name];
  const { wandb } = await import("@wandb/sdk");
  const before = new Map(HANDLED.map((name) => [name, new Set(process.listeners(name as "SIGINT"))]));
  try {
    const sdk = await withDeadline(
      "the start of the W&B SDK",
      INIT_TIMEOUT_MS,
      wandb.init({
        id: run.id,
        entity: run.entity,
        project: run.project,
        name: run.displayName,
        // Bare object: the types of the SDK lack `silent`, which its code reads.
        settings: Object.assign(
          { baseUrl: gateway.url, apiKey: gateway.key, offline: false },
          { silent: true },
        ),
      }),
    );
    return {
      log: (row) => sdk.log(toPlain(row) as Row),
      finish: () => withDeadline("the end of the W&B SDK", FINISH_TIMEOUT_MS, sdk.finish(0)),
    };
  } finally {
    for (const [name, known] of before)
      for (const listener of process.listeners(name as "SIGINT"))
        if (!known.has(listener)) process.removeListener(name, listener);
  }
}
