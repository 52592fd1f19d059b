"""Makes a model's folder for the program from a checkpoint on this machine, and measures it.

    hf download REPO --revision REVISION --local-dir CHECKPOINT
    python models/export/export.py RECIPE CHECKPOINT OUT [--dtypes fp32 fp16 q4 q4f16] [--revision 40 hex digits]

Recipes: recipes.py. OUT gets config.json, tokenizer.json, tokenizer_config.json, onnx/model*.onnx (weights of more than
2 GB beside it, as .onnx_data) and manifest.json, in which stand the largest error of the fp32 file against PyTorch, the
rank correlation of each other file with fp32, and golden numbers. Nothing is downloaded.
"""
import argparse
import gc
import hashlib
import json
import re
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Iterator

import torch

from agreement import Answers, answers_of, cases_of, golden, largest_error, onnx_outputs, rank_correlation, torch_outputs
from graphs import FILES, Session, load, write_graph, write_quantized
from inputs import Inputs
from recipes import RECIPES, Recipe
from texts import CASES, GOLDEN_STEP
from tokenizer_files import write_tokenizer

LARGEST_FP32_ERROR = 1e-3
# What a dtype is made from.
SOURCES = {"q4": "fp32", "q4f16": "fp16"}
OUTPUTS = {"feature-extraction": "last_hidden_state", "text-classification": "logits", "text-generation-with-past": "logits"}
PACKAGES = ("torch", "transformers", "tokenizers", "optimum-onnx", "onnx", "onnxslim", "onnxruntime")


def check_checkpoint(recipe: Recipe, checkpoint: Path) -> None:
    config_file = checkpoint / "config.json"
    if not config_file.is_file():
        raise SystemExit(f"{config_file} does not exist: download {recipe.repo} first (see --help)")
    config = json.loads(config_file.read_text())
    if config.get("model_type") != recipe.architecture:
        raise SystemExit(f"{config_file} is of a {config.get('model_type')}; {recipe.id} is a {recipe.architecture}")
    if not [*checkpoint.glob("*.safetensors"), *checkpoint.glob("pytorch_model*.bin")]:
        raise SystemExit(f"{checkpoint} has no weights (*.safetensors or pytorch_model*.bin)")


def check_revision(recipe: Recipe, checkpoint: Path, given: str | None) -> str:
    """The commit that the files come from. `hf download --local-dir` notes it for each file; that note must agree."""
    wanted = given or recipe.revision
    if not re.fullmatch("[0-9a-f]{40}", wanted):
        raise SystemExit(f"{wanted} is no commit of 40 hexadecimal digits; a branch or a short one can come to mean another")
    notes = {note.read_text().split()[0] for note in (checkpoint / ".cache/huggingface/download").rglob("*.metadata")}
    if notes - {wanted}:
        raise SystemExit(f"{checkpoint} was downloaded at {', '.join(sorted(notes))}, not at {wanted}")
    if not notes and given is None:
        raise SystemExit(f"{checkpoint} does not tell its commit: if it is {wanted}, say so with --revision {wanted}")
    return wanted


def check_labels(recipe: Recipe, model) -> None:
    labels = recipe.ability.get("classification", {}).get("labels")
    if labels is None:
        return
    if model.config.num_labels != len(labels):
        raise SystemExit(f"the checkpoint has {model.config.num_labels} labels; {recipe.id} has {', '.join(labels)}")
    names = [model.config.id2label[at] for at in range(len(labels))]
    if len(labels) > 1 and names != labels and names != [f"LABEL_{at}" for at in range(len(labels))]:
        raise SystemExit(f"the checkpoint calls its labels {', '.join(names)}; {recipe.id} expects {', '.join(labels)}")


class Measured:
    """A recipe's checkpoint, what PyTorch says of it, and the files made so far."""

    def __init__(self, recipe: Recipe, checkpoint: Path, tokenizer: Path, max_tokens: int, texts: list):
        self.recipe, self.max_tokens = recipe, max_tokens
        self.cases = cases_of(recipe, Inputs(tokenizer, max_tokens), texts)
        model = load(recipe, checkpoint, torch.float32)
        check_labels(recipe, model)
        self.dimensions = getattr(model.config, "hidden_size", None)
        self.truth = self.answers(torch_outputs(recipe, model, self.cases))
        """What each file answers on the CPU, by dtype."""
        self.found: dict[str, Answers] = {}
        del model
        gc.collect()

    def answers(self, outputs: Iterator) -> Answers:
        return answers_of(self.recipe, self.cases, outputs)

    def agreement(self, dtype: str, file: Path) -> dict:
        session = Session(file)
        wanted = [OUTPUTS[self.recipe.task]]
        if session.outputs != wanted:
            raise SystemExit(f"{file.name} gives {', '.join(session.outputs)} instead of {wanted[0]}")
        found = self.answers(onnx_outputs(self.recipe, session, self.cases, self.max_tokens))
        self.found[dtype] = found
        error = largest_error(self.truth, found)
        if dtype == "fp32" and not error <= LARGEST_FP32_ERROR:
            raise SystemExit(f"{file.name} differs from PyTorch by {error:.2g}, more than {LARGEST_FP32_ERROR}")
        rank = rank_correlation(self.recipe, self.truth, found)
        return {"maxError": float(f"{error:.3g}"), "rankCorrelation": round(rank, 5)}


def entry(out: Path, path: Path, dtype: str | None = None) -> dict:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    found = {"path": path.relative_to(out).as_posix(), "size": path.stat().st_size, "sha256": sha256}
    return found if dtype is None else {**found, "dtype": dtype}


def run(
    recipe: Recipe, checkpoint: Path, out: Path, revision: str, dtypes: list[str], max_tokens: int | None = None
) -> Measured:
    """@returns what was measured, for golden numbers beyond those of the manifest. `out` appears when all is well."""
    check_checkpoint(recipe, checkpoint)
    if out.exists() and any(out.iterdir()):
        raise SystemExit(f"{out} is not empty")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        folder = Path(scratch) / "model"
        (folder / "onnx").mkdir(parents=True)
        shutil.copyfile(checkpoint / "config.json", folder / "config.json")
        write_tokenizer(checkpoint, folder)
        measured = Measured(recipe, checkpoint, folder, max_tokens or recipe.max_tokens, CASES)
        agreement = write_graphs(measured, checkpoint, folder / "onnx", Path(scratch), dtypes)
        manifest = manifest_of(measured, folder, dtypes)
        manifest["revision"] = revision
        compared = {"comparedWith": "PyTorch in fp32, one text at a time", "texts": len(measured.cases)}
        manifest["agreement"] = {dtype: {**compared, **agreement[dtype]} for dtype in dtypes}
        manifest["golden"] = {
            dtype: some(golden(recipe, measured.cases, measured.found[dtype])) for dtype in dtypes
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        if out.exists():
            out.rmdir()
        folder.rename(out)
    print(json.dumps({"id": recipe.id, **agreement}))
    return measured


def some(cases: list[dict]) -> list[dict]:
    """A few of the cases, for the program runs them whenever it loads the model; none where nothing is scored."""
    return [case for case in cases if case.get("logProb", 0) is not None][::GOLDEN_STEP]


def write_graphs(measured: Measured, checkpoint: Path, folder: Path, scratch: Path, dtypes: list[str]) -> dict:
    """@returns the agreement of each file, by dtype."""
    agreement = {}
    for source in ("fp32", "fp16"):
        made_from = [dtype for dtype in dtypes if SOURCES.get(dtype) == source]
        # fp32 is always made: it shows that the graph is right.
        if source != "fp32" and source not in dtypes and not made_from:
            continue
        graph = (folder if source in dtypes else scratch) / FILES[source]
        write_graph(measured.recipe, checkpoint, source, graph)
        agreement[source] = measured.agreement(source, graph)
        for dtype in made_from:
            write_quantized(graph, folder / FILES[dtype])
            agreement[dtype] = measured.agreement(dtype, folder / FILES[dtype])
    return agreement


def manifest_of(measured: Measured, folder: Path, dtypes: list[str]) -> dict:
    """What src/models/manifest.ts wants to know, and src/models/catalog.ts."""
    recipe, ability = measured.recipe, measured.recipe.ability
    if "embedding" in ability:
        ability = {"embedding": {**ability["embedding"], "dimensions": measured.dimensions}}
    files = [entry(folder, folder / name) for name in ("config.json", "tokenizer.json", "tokenizer_config.json")]
    for dtype in dtypes:
        graph = folder / "onnx" / FILES[dtype]
        weights = graph.with_name(f"{graph.name}_data")
        files += [entry(folder, path, dtype) for path in (graph, weights) if path.exists()]
    return {
        "id": recipe.id,
        "repo": recipe.repo,
        "revision": None,
        "roles": recipe.roles,
        "source": {"madeBy": "models/export/export.py", **{name: version(name) for name in PACKAGES}},
        "licence": {"spdx": recipe.licence, "url": recipe.licence_url},
        "architecture": recipe.architecture,
        **ability,
        "maxTokens": measured.max_tokens,
        "dtype": {
            device: [dtype for dtype in preferred if dtype in dtypes] or [dtypes[0]]
            for device, preferred in recipe.dtype.items()
        },
        "files": files,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dtypes", nargs="+", choices=FILES, default=["fp32", "fp16", "q4"])
    parser.add_argument("--revision")
    options = parser.parse_args()
    recipe = RECIPES[options.recipe]
    check_checkpoint(recipe, options.checkpoint)
    revision = check_revision(recipe, options.checkpoint, options.revision)
    run(recipe, options.checkpoint, options.out, revision, options.dtypes)


if __name__ == "__main__":
    main()
