"""Measures how closely the quantised embedded model follows the fp32 original.

    v/bin/python models/export/verify.py models/embedded/all-minilm-l6-v2 SENTENCES [--golden test/golden/inference.json]

SENTENCES is a text file, or a folder of .txt/.jsonl files ({"text": …}); it is cut into sentences. The reference is a plain
numpy forward pass in fp32, written from the BERT paper and sharing no code with the ONNX graph. Printed as JSON:
  cosine            of the two embeddings of a sentence: mean and minimum
  rankCorrelation   Spearman, between the similarities of all sentence pairs under either model
  pairError         largest and mean |difference| of a pair's similarity
"""
import argparse
import json
import math
import re
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load as load_safetensors
from tokenizers import Tokenizer

from minilm import HEADS, HIDDEN, LAYER_NORM_EPSILON, LAYERS, POSITIONS, fetch_source

GOLDEN_TEXTS = [
    "This is an example sentence",
    "Each sentence is converted",
    "The Nile is the longest river in Africa, and most of Egypt's people live close to its banks.",
    "What is the capital of France?",
    "Paris is the capital of France.",
    "ünïcödé, 東京 and emoji 🙂 in one line",
    "x",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen. " * 30,
]
erf = np.vectorize(math.erf, otypes=[np.float64])


class Reference:
    """all-MiniLM-L6-v2 in fp32, one text at a time."""

    def __init__(self, weights: dict[str, np.ndarray], tokenizer: Tokenizer):
        self.weights, self.tokenizer = weights, tokenizer

    def dense(self, value: np.ndarray, name: str) -> np.ndarray:
        return value @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, value: np.ndarray, name: str) -> np.ndarray:
        centred = value - value.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + LAYER_NORM_EPSILON)
        return centred / deviation * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def embed(self, text: str) -> np.ndarray:
        ids = cut(self.tokenizer, text)
        tables = "embeddings.{}_embeddings.weight"
        hidden = self.weights[tables.format("word")][ids] + self.weights[tables.format("position")][: len(ids)]
        hidden = self.norm(hidden + self.weights[tables.format("token_type")][0], "embeddings.LayerNorm")
        for index in range(LAYERS):
            layer = f"encoder.layer.{index}"
            query, key, value = (
                self.dense(hidden, f"{layer}.attention.self.{name}").reshape(len(ids), HEADS, -1).swapaxes(0, 1)
                for name in ("query", "key", "value")
            )
            scores = query @ key.swapaxes(1, 2) / math.sqrt(HIDDEN // HEADS)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            mixed = (scores / scores.sum(-1, keepdims=True) @ value).swapaxes(0, 1).reshape(len(ids), HIDDEN)
            hidden = self.norm(
                self.dense(mixed, f"{layer}.attention.output.dense") + hidden, f"{layer}.attention.output.LayerNorm"
            )
            wide = self.dense(hidden, f"{layer}.intermediate.dense")
            active = (wide * 0.5 * (1 + erf(wide / math.sqrt(2)))).astype(np.float32)
            hidden = self.norm(self.dense(active, f"{layer}.output.dense") + hidden, f"{layer}.output.LayerNorm")
        return unit(hidden.mean(0))


class Quantised:
    """The ONNX file on the CPU."""

    def __init__(self, folder: Path, tokenizer: Tokenizer):
        self.session = onnxruntime.InferenceSession(
            str(folder / "onnx/model_quantized.onnx"), providers=["CPUExecutionProvider"]
        )
        self.tokenizer = tokenizer

    def embed(self, text: str) -> np.ndarray:
        ids = np.array([cut(self.tokenizer, text)], dtype=np.int64)
        (hidden,) = self.session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return unit(hidden[0].mean(0))


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def cut(tokenizer: Tokenizer, text: str) -> list[int]:
    """[CLS] text [SEP], at most POSITIONS ids, with the [SEP] kept."""
    ids = tokenizer.encode(text).ids
    return ids if len(ids) <= POSITIONS else ids[: POSITIONS - 1] + ids[-1:]


def read_sentences(source: Path, limit: int) -> list[str]:
    files = sorted(source.glob("*.*")) if source.is_dir() else [source]
    texts = []
    for file in files:
        content = file.read_text()
        texts += [json.loads(line)["text"] for line in content.splitlines()] if file.suffix == ".jsonl" else [content]
    sentences = (
        sentence.strip() for text in texts for sentence in re.split(r"(?<=[.!?])\s+", re.sub(r"\s+", " ", text))
    )
    unique = list(dict.fromkeys(sentence for sentence in sentences if 20 <= len(sentence) <= 400))
    step = max(1, len(unique) // limit)
    return unique[::step][:limit]


def ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values)).astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sentences", type=Path)
    parser.add_argument("--limit", type=int, default=600)
    parser.add_argument("--golden", type=Path)
    options = parser.parse_args()

    tokenizer = Tokenizer.from_file(str(options.folder / "tokenizer.json"))
    reference = Reference(load_safetensors(fetch_source()["model.safetensors"]), tokenizer)
    quantised = Quantised(options.folder, tokenizer)

    sentences = read_sentences(options.sentences, options.limit)
    expected = np.stack([reference.embed(text) for text in sentences])
    actual = np.stack([quantised.embed(text) for text in sentences])
    cosines = (expected * actual).sum(1)
    upper = np.triu_indices(len(sentences), 1)
    pairs_expected, pairs_actual = (expected @ expected.T)[upper], (actual @ actual.T)[upper]
    report = {
        "texts": len(sentences),
        "cosine": {"mean": float(cosines.mean()), "min": float(cosines.min())},
        "rankCorrelation": float(np.corrcoef(ranks(pairs_expected), ranks(pairs_actual))[0, 1]),
        "pairError": {
            "mean": float(np.abs(pairs_expected - pairs_actual).mean()),
            "max": float(np.abs(pairs_expected - pairs_actual).max()),
        },
    }
    print(json.dumps({key: value if isinstance(value, int) else json.loads(json.dumps(value), parse_float=lambda x: round(float(x), 5)) for key, value in report.items()}))

    if options.golden:
        rows = [
            {"text": text, "first8": [round(float(x), 6) for x in vector[:8]], "cosine": round(float(vector @ quantised.embed(text)), 5)}
            for text, vector in ((text, reference.embed(text)) for text in GOLDEN_TEXTS)
        ]
        options.golden.write_text(json.dumps({"model": "all-MiniLM-L6-v2 fp32", "texts": rows}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
