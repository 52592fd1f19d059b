"""Writes the test material of test/inference/hub-graph.test.ts: a language model in the form that hubs have it.

    python models/export/hub_graph.py test/golden/hub-graph

ONNX Runtime's own builder, which most language models on the hub come from, makes graphs of fused operators
(GroupQueryAttention, RotaryEmbedding, SkipSimplifiedLayerNormalization) in place of plain ones. The checkpoint is
check.py's tiny-qwen3, so PyTorch's numbers are those of test/golden/exports/tiny-qwen3/golden.json.
"""
import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from export import entry
from tiny import write_checkpoint
from tokenizer_files import write_tokenizer

ID = "tiny-qwen3"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    target = parser.parse_args().target
    exported = json.loads((Path("test/golden/exports") / ID / "manifest.json").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint, built = Path(scratch) / "checkpoint", Path(scratch) / "built"
        write_checkpoint(ID, checkpoint)
        builder = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-p", "fp32", "-e", "webgpu"]
        subprocess.run([*builder, "-i", checkpoint, "-o", built], check=True, stdout=subprocess.DEVNULL)
        folder = target / ID
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "onnx").mkdir(parents=True)
        shutil.copyfile(checkpoint / "config.json", folder / "config.json")
        write_tokenizer(checkpoint, folder)
        for name in ("model.onnx", "model.onnx.data"):
            shutil.copyfile(built / name, folder / "onnx" / name)
    files = [entry(folder, folder / name) for name in ("config.json", "tokenizer.json", "tokenizer_config.json")]
    files += [entry(folder, path, "fp32") for path in sorted((folder / "onnx").iterdir())]
    kept = ("id", "repo", "revision", "roles", "licence", "architecture", "language", "maxTokens")
    manifest = {**{key: exported[key] for key in kept}, "dtype": {"webgpu": ["fp32"], "cpu": ["fp32"]}, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
