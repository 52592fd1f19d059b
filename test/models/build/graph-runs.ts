import { InferenceSession, Tensor } from "onnxruntime-node";

/**
 * Runs graphs on one device. As a program of its own, for a GPU's driver is chosen by the environment: one JSON of
 * `{device, runs}` on standard input, one list of outputs on standard output.
 */
export interface GraphRun {
  graph: string;
  /** Rows of the same length each, as int64. */
  feeds: Record<string, number[][]>;
  /** How many tokens are run first, whose keys and values the rest goes on from; all at once when left out. */
  cached?: number;
}

export interface GraphOutput {
  dims: readonly number[];
  data: number[];
}

type Device = "cpu" | "webgpu";
const sessions = new Map<string, Promise<InferenceSession>>();

/** The output that is no part of a cache. */
export async function runGraph(device: Device, { graph, feeds, cached = 0 }: GraphRun): Promise<GraphOutput> {
  const known =
    sessions.get(graph) ??
    InferenceSession.create(graph, { executionProviders: [device], logSeverityLevel: 3 });
  sessions.set(graph, known);
  const session = await known;
  const count = feeds.input_ids!.length;
  const width = feeds.input_ids![0]!.length;
  let past: Record<string, Tensor> = {};
  for (const input of session.inputMetadata) {
    if (!input.isTensor || !input.name.startsWith("past_key_values.")) continue;
    const [heads, , size] = input.shape.slice(1) as number[];
    const Numbers = input.type === "float16" ? Float16Array : Float32Array;
    past[input.name] = new Tensor(input.type as "float32", new Numbers(0) as Float32Array, [
      count,
      heads!,
      0,
      size!,
    ]);
  }
  const part = async (from: number, to: number): Promise<InferenceSession.OnnxValueMapType> => {
    const tensors: Record<string, Tensor> = { ...past };
    for (const { name } of session.inputMetadata) {
      if (feeds[name] === undefined) continue;
      const rows = feeds[name].map((row) => row.slice(name === "attention_mask" ? 0 : from, to));
      tensors[name] = new Tensor("int64", BigInt64Array.from(rows.flat().map(BigInt)), [
        count,
        rows[0]!.length,
      ]);
    }
    const outputs = await session.run(tensors);
    past = Object.fromEntries(
      Object.keys(past).map((name) => [name, outputs[name.replace("past_key_values", "present")] as Tensor]),
    );
    return outputs;
  };
  if (cached > 0) await part(0, cached);
  const outputs = await part(cached, width);
  const [name] = session.outputNames.filter((output) => !output.startsWith("present."));
  const { dims, data } = outputs[name!] as Tensor;
  return { dims, data: [...(data as Float32Array)] };
}

if (import.meta.main) {
  const { device, runs } = (await Bun.stdin.json()) as { device: Device; runs: GraphRun[] };
  const outputs: GraphOutput[] = [];
  for (const run of runs) outputs.push(await runGraph(device, run));
  console.log(JSON.stringify(outputs));
}
