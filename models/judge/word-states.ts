import { editGraph } from "../../src/inference/graph/edit.ts";
import { BATCH_LIMITS } from "../../src/inference/graph/encoder.ts";
import { Graph, numbersOf } from "../../src/inference/graph/graph.ts";
import { findWordStarts } from "../../src/inference/graph/word-starts.ts";
import { findModel } from "../../src/models/model-files.ts";
import { ELEMENT, GRAPH, value } from "../../src/models/onnx/onnx.ts";
import { fieldsOf, Message } from "../../src/models/onnx/wire.ts";
import type { Placed } from "./corruptions.ts";

/** States of the words of texts, as the encoder has them after one of its blocks. */
export interface WordStates {
  /** [words, width] */
  rows: Float32Array;
  /** 1 where the word does not follow the one that stood before it. */
  labels: Uint8Array;
  /** Index of the text that each word stands in. */
  texts: Int32Array;
}

/**
 * @param tensor its name in the graph, [batch, tokens, width]
 * @param texts cut to what the model reads
 */
export async function readWordStates(
  texts: readonly (readonly Placed[])[],
  { model, tensor, width }: { model: string; tensor: string; width: number },
): Promise<WordStates> {
  const stored = await findModel(model);
  const graph = await Graph.open(stored, "cpu", {
    limits: BATCH_LIMITS,
    edit: (onnx) => editGraph(onnx, [withOutput(tensor, width)]),
  });
  const isStart = findWordStarts(await Bun.file(stored.pathOf("tokenizer.json")).bytes());
  const known = new Map<string, number[]>();
  const frame = graph.tokenizer.encode("");
  const idsOf = (word: string): number[] => {
    const ids = known.get(word) ?? graph.tokenizer.encode(word).slice(1, -1);
    known.set(word, ids);
    return ids;
  };
  const states: Float32Array[][] = texts.map(() => []);
  const labels: number[][] = texts.map(() => []);
  const rows = texts.map((words, text) => {
    const ids = [frame[0]!];
    for (const { word, follows } of words) {
      let isFirst = true;
      if (ids.length + idsOf(word).length >= graph.tokenizer.maxTokens) break;
      for (const id of idsOf(word)) {
        ids.push(id);
        if (!isStart(id)) continue;
        labels[text]!.push(isFirst && !follows ? 1 : 0);
        isFirst = false;
      }
    }
    return { ids: [...ids, frame.at(-1)!] };
  });
  await graph.run(rows, {
    outputs: [tensor],
    read: ({ count, width: length, places }, outputs) => {
      const numbers = numbersOf(outputs, tensor, count * length * width);
      for (const { row, index } of places)
        states[row] = rows[row]!.ids.flatMap((id, at) => {
          const from = (index * length + at) * width;
          return isStart(id) ? [numbers.slice(from, from + width)] : [];
        });
    },
  });
  await graph.release();
  const flat = states.flat();
  const joined = new Float32Array(flat.length * width);
  for (const [at, state] of flat.entries()) joined.set(state, at * width);
  return {
    rows: joined,
    labels: Uint8Array.from(labels.flat()),
    texts: Int32Array.from(states.flatMap((list, text) => list.map(() => text))),
  };
}

function withOutput(
  tensor: string,
  width: number,
): (parts: ReturnType<typeof fieldsOf>) => ReturnType<typeof fieldsOf> {
  const output = new Message().message(
    GRAPH.output,
    value(tensor, ELEMENT.float, ["batch", "length", width]),
  );
  return (parts) => [...parts, ...fieldsOf(output.encode())];
}
