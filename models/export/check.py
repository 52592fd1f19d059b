"""Exports a tiny random checkpoint of every architecture, and writes the test material of test/inference/exports.test.ts.

    python models/export/check.py test/golden/exports

Each goes through export.py as the real one would; export.py itself refuses a graph that differs from PyTorch. Then all
four dtypes are made once more in a scratch folder, and what they measured is printed as a table for models/README.md.
"""
import argparse
import dataclasses
import json
import shutil
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import transformers

from agreement import golden
from export import run
from graphs import FILES
from recipes import RECIPES
from texts import CASES
from tiny import CHECKPOINTS, write_checkpoint

# No commit has random weights.
NO_REVISION = "0" * 40
COMMITTED = ["fp32", "q4"]


def check(id: str, target: Path, scratch: Path) -> str:
    real, _, max_tokens = CHECKPOINTS[id]
    recipe = dataclasses.replace(
        RECIPES[real],
        id=id,
        repo=f"openvalidator/{id}",
        licence="MIT",
        licence_url="https://example.invalid/random-weights",
        dtype={"webgpu": ["fp32", "q4"], "cpu": ["fp32", "q4"]},
    )
    checkpoint = scratch / id / "checkpoint"
    write_checkpoint(id, checkpoint)
    every = run(recipe, checkpoint, scratch / id / "out", NO_REVISION, list(FILES), max_tokens)
    if target.exists():
        shutil.rmtree(target)
    run(recipe, checkpoint, target, NO_REVISION, COMMITTED, max_tokens)
    numbers = {
        "madeWith": f"torch {version('torch')}, transformers {version('transformers')}",
        "cases": golden(recipe, every.cases, every.truth),
    }
    (target / "golden.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")
    found = json.loads((scratch / id / "out/manifest.json").read_text())["agreement"]
    return " | ".join([
        f"| {recipe.architecture} | {recipe.task} | {found['fp32']['maxError']:.1g}",
        *(f"{found[dtype]['rankCorrelation']:.4f}" for dtype in ("fp16", "q4", "q4f16")),
    ]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--only", choices=CHECKPOINTS, nargs="+", default=list(CHECKPOINTS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch:
        lines = [check(id, options.target / id, Path(scratch)) for id in options.only]
    print(f"\n{len(CASES)} texts\n| architecture | task | fp32, largest error | fp16, rank | q4, rank | q4f16, rank |")
    print("|---|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
