import { describe, expect, test } from "bun:test";
import { isFailure } from "../../../src/base/error.ts";
import { type BuildManifest, planGraph } from "../../../src/models/build/build.ts";
import type { Checkpoint } from "../../../src/models/build/checkpoint/checkpoint.ts";
import { MANIFESTS, manifestOf, withCheckpoint } from "./fixtures.ts";

/** What is said of a checkpoint whose config, tensors or manifest differ from those that are built. */
async function refusal(
  name: string,
  config: Record<string, unknown>,
  { manifest = {}, tensors = (own) => own, others = [] }: Change = {},
): Promise<string> {
  try {
    await withCheckpoint(name, (checkpoint) => {
      const changed: Checkpoint = {
        config: { ...checkpoint.config, ...config },
        tensors: new Map(tensors([...checkpoint.tensors])),
        others: new Map([...checkpoint.others, ...others]),
        read: (...asked) => checkpoint.read(...asked),
        close: () => checkpoint.close(),
      };
      planGraph(changed, { ...manifestOf(name), ...manifest }, "fp32");
    });
  } catch (error) {
    if (isFailure(error, "model.unsupported")) return error.message;
    throw error;
  }
  throw new Error("it was built");
}

type Tensors = [string, { name: string; dtype: "F32" | "F16" | "BF16"; shape: readonly number[] }][];
interface Change {
  manifest?: Partial<BuildManifest>;
  tensors?: (own: Tensors) => Tensors;
  /** Of other types. */
  others?: [name: string, type: string][];
}

describe("a variant that would be built wrongly is refused by a sentence", () => {
  test.each<[string, Record<string, unknown>, string]>([
    ["bert", { hidden_act: "mish" }, 'config.json has hidden_act = "mish"'],
    ["bert", { position_embedding_type: "relative_key" }, 'position_embedding_type = "relative_key"'],
    ["bert", { is_decoder: true }, "is_decoder = true"],
    ["bert", { num_hidden_layers: "two" }, 'num_hidden_layers = "two"'],
    ["roberta", { position_embedding_type: "relative_key_query" }, "position_embedding_type"],
    ["mpnet", { hidden_act: "selu" }, "hidden_act"],
    ["deberta-v2", { position_biased_input: true }, "position_biased_input = true"],
    ["deberta-v2", { conv_kernel_size: 3 }, "conv_kernel_size = 3"],
    ["deberta-v2", { pos_att_type: ["c2p", "p2p"] }, 'pos_att_type = ["c2p","p2p"]'],
    ["deberta-v2", { relative_attention: false }, "relative_attention = false"],
    [
      "qwen3",
      { rope_scaling: { type: "dynamic", factor: 4 } },
      'rope_scaling = {"type":"dynamic","factor":4}, which is not built: only default, linear, llama3 and yarn are',
    ],
    ["llama", { rope_scaling: { rope_type: "longrope", short_factor: [1] } }, "only default, linear,"],
    ["llama", { rope_scaling: { rope_type: "linear", type: "dynamic", factor: 4 } }, "rope_scaling = "],
    ["llama", { rope_scaling: { rope_type: "linear", factor: 0.5 } }, "rope_scaling = "],
    ["llama", { rope_scaling: { rope_type: "linear", factor: 4, extra: 1 } }, '"extra"'],
    [
      "llama",
      { rope_scaling: { rope_type: "linear", factor: 4 }, rope_parameters: { rope_type: "default" } },
      "config.json has both rope_scaling and rope_parameters",
    ],
    ["qwen3", { use_sliding_window: true }, "use_sliding_window = true"],
    ["qwen3", { layer_types: ["full_attention", "sliding_attention"] }, "layer_types"],
    ["llama", { rope_parameters: { rope_type: "llama3", rope_theta: 1e4 } }, "rope_parameters"],
    ["llama", { rope_interleaved: true }, "rope_interleaved = true"],
    ["gpt-neo", { attention_types: [[["global", "sparse"], 1]] }, "attention_types"],
    ["gptj", { tie_word_embeddings: true }, "tie_word_embeddings = true"],
    ["bert", { model_type: "electra" }, 'config.json says "electra"'],
  ])("%s with %j", async (name, config, sentence) => {
    expect(await refusal(name, config)).toContain(sentence);
  });

  test("an architecture that nobody built here", async () => {
    const manifest = { architecture: "modernbert" };
    expect(await refusal("bert", { model_type: "modernbert" }, { manifest })).toMatch(
      /^models of the type "modernbert" are not built, only bert, /,
    );
    expect(
      await refusal("bert", { model_type: "constructor" }, { manifest: { architecture: "constructor" } }),
    ).toContain("not built");
  });

  test("tensors that are missing, of another shape, or unknown", async () => {
    const without: Change = { tensors: (own) => own.filter(([name]) => !name.endsWith("norm.weight")) };
    expect(await refusal("llama", {}, without)).toMatch(
      /^the checkpoint has no tensor model\.\S*norm\.weight$/,
    );
    expect(await refusal("llama", { intermediate_size: 128 })).toBe(
      "the checkpoint's tensor model.layers.0.mlp.gate_proj.weight has the shape [64,32], and [128,32] by its config.json",
    );
    expect(await refusal("bert", { num_hidden_layers: 1 })).toMatch(
      /^the checkpoint has a tensor that its architecture does not know: encoder\.layer\.1\./,
    );
    expect(await refusal("llama", { attention_bias: true })).toBe(
      "the checkpoint has no tensor model.layers.0.self_attn.q_proj.bias",
    );
    const biased: Change = {
      tensors: (own) => [
        ...own,
        ["model.layers.0.self_attn.q_proj.bias", { name: "", dtype: "F32", shape: [32] }],
      ],
    };
    expect(await refusal("llama", {}, biased)).toContain(
      "does not know: model.layers.0.self_attn.q_proj.bias",
    );
  });

  test("sizes that do not part, or that the tensors have not, before a table of them is made", async () => {
    expect(await refusal("bert", { num_attention_heads: 5 })).toBe(
      "config.json has 5 heads, which do not part 32 numbers evenly",
    );
    expect(await refusal("llama", { head_dim: 1e9 })).toContain(
      "self_attn.q_proj.weight has the shape [32,32]",
    );
    expect(await refusal("gptj", { rotary_dim: 1e9 })).toBe(
      "config.json has 1000000000 numbers of a head turned, which are no pairs of its 8",
    );
    expect(await refusal("gptj", { rotary_dim: 3 })).toContain("3 numbers of a head turned");
  });

  /** Nothing of the weights tells these: heads that part the width as well, longer rows, a window. */
  const UNTOLD = /^(num_(attention_)?heads|n_head|rotary_dim|(max_position|n_position)\w*|\w*window\w*)$/;
  /** Of no meaning for what is computed. */
  const UNREAD =
    /^(\w*drop\w*|initializer\w*|\w*token_id|pretraining_tp|pooler_hidden_size|max_relative\w*)$/;
  test.each(Object.keys(MANIFESTS))("%s with any size in its config.json changed", async (name) => {
    const config = await withCheckpoint(name, (checkpoint) => checkpoint.config);
    const sizes = Object.entries(config).filter(([key, own]) => Number.isInteger(own) && !UNREAD.test(key));
    expect(sizes.length).toBeGreaterThan(4);
    for (const [key, own] of sizes as [string, number][])
      for (const other of [0, 1, 3, own - 1, own + 1, own * 2, 1e9]) {
        if (other === own || key === "rope_theta") continue;
        const sentence = await refusal(name, { [key]: other }).catch((error: Error) => error.message);
        if (sentence === "it was built" && UNTOLD.test(key)) continue;
        expect({ key, other, sentence }).toMatchObject({
          sentence: expect.stringMatching(/config\.json|checkpoint|manifest/),
        });
      }
  });

  test.each(["F64", "F8_E4M3", "I8", "BOOL"])("a tensor of the type %s", async (type) => {
    const name = "model.layers.1.mlp.up_proj.weight";
    const change: Change = {
      tensors: (own) => own.filter(([tensor]) => tensor !== name),
      others: [[name, type]],
    };
    expect(await refusal("llama", {}, change)).toBe(
      `the checkpoint's tensor ${name} is of the type ${type}, and weights are read as F32, F16 or BF16 only`,
    );
  });

  test("rows longer than the model's positions, labels that it has not, a head that it has not", async () => {
    expect(await refusal("bert", {}, { manifest: { maxTokens: 65 } })).toBe(
      "the manifest wants rows of 65 tokens, and the model has 64 positions",
    );
    const labels = { classification: { labels: ["one", "two", "three"] } };
    expect(await refusal("bert-classes", {}, { manifest: labels })).toContain("classifier.weight");
    expect(await refusal("bert", {}, { manifest: { embedding: undefined, language: {} } })).toBe(
      "no language head is built for this architecture",
    );
  });
});
