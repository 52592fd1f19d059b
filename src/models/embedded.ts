import config from "../../models/embedded/all-minilm-l6-v2/config.json" with { type: "file" };
import weights from "../../models/embedded/all-minilm-l6-v2/onnx/model_quantized.onnx" with { type: "file" };
import tokenizer from "../../models/embedded/all-minilm-l6-v2/tokenizer.json" with { type: "file" };
import tokenizerConfig from "../../models/embedded/all-minilm-l6-v2/tokenizer_config.json" with {
  type: "file",
};
import manifest from "../../models/manifests/all-minilm-l6-v2-embedded.json";

/** The model inside the program: all-MiniLM-L6-v2, 384 dimensions, 256 tokens (models/manifests). */
export const EMBEDDED_MODEL = "all-minilm-l6-v2-embedded";

/** A model that is part of the program. */
export interface EmbeddedModel {
  manifest: unknown;
  /** File name of the manifest → path to read: in the source tree, or inside the compiled executable. */
  paths: Readonly<Record<string, string>>;
}

/** The compiler types a .json import by its content, but `{ type: "file" }` makes it the path. */
const pathOf = (file: unknown): string => file as string;

export const EMBEDDED_MODELS: readonly EmbeddedModel[] = [
  {
    manifest,
    paths: {
      "config.json": pathOf(config),
      "tokenizer.json": pathOf(tokenizer),
      "tokenizer_config.json": pathOf(tokenizerConfig),
      "onnx/model_quantized.onnx": pathOf(weights),
    },
  },
];
