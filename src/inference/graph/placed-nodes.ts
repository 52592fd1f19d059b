import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { z } from "zod";
import type { PlacedNode } from "../protocol.ts";

const PREFIX = "nodes";
/** ONNX Runtime's own name of a part that runs nodes, as in CPUExecutionProvider. */
const PROVIDER = /ExecutionProvider$/;
/** After the name of a node, in what is noted of its runs. */
const RUN = "_kernel_time";

/** An event in the notes; those of other kinds have other arguments. */
const eventsSchema = z.array(
  z.object({
    name: z.string(),
    args: z.object({ provider: z.string().optional(), op_name: z.string().optional() }).optional(),
  }),
);

/** Options of a session that notes what it runs. @param folder an empty one */
export function profilingInto(folder: string): InferenceSession.SessionOptions {
  return { enableProfiling: true, profileFilePrefix: join(folder, PREFIX) };
}

/**
 * Ends a session's notes and reads them.
 * @returns every node that ran since the session was made, once
 */
export function endProfile(session: InferenceSession, folder: string): PlacedNode[] {
  session.endProfiling();
  const nodes = new Map<string, PlacedNode>();
  for (const file of readdirSync(folder).filter((name) => name.startsWith(PREFIX))) {
    const path = join(folder, file);
    for (const { name, args } of eventsSchema.parse(JSON.parse(readFileSync(path, "utf8")))) {
      if (!name.endsWith(RUN) || args?.provider === undefined || args.op_name === undefined) continue;
      nodes.set(name, { kind: args.op_name, device: args.provider.replace(PROVIDER, "").toLowerCase() });
    }
    rmSync(path);
  }
  return [...nodes.values()];
}
