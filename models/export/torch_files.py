"""Makes test/fixtures/torch-zip: what torch.save writes, and what it writes that is no table of tensors.

Written with torch 2.15.0. Run: python models/export/torch_files.py test/fixtures/torch-zip
"""

import sys
from collections import OrderedDict
from pathlib import Path

import torch


def numbers(count: int, step: float) -> torch.Tensor:
    return (torch.arange(count, dtype=torch.float32) - count / 3) * step


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    table = numbers(12, 0.25).reshape(3, 4)
    state = OrderedDict()
    state["table.weight"] = table
    state["tied.weight"] = table
    state["half"] = numbers(6, 0.125).reshape(2, 3).half()
    state["brain"] = numbers(6, 3.0).bfloat16()
    state["part"] = numbers(10, 1.5)[4:8]
    state["one"] = torch.tensor(2.5)
    state["positions"] = torch.arange(5).reshape(1, 5)
    state["parameter"] = torch.nn.Parameter(numbers(4, 1.0))
    torch.save(state, folder / "tensors.bin")
    torch.save(state, folder / "before-1.6.bin", _use_new_zipfile_serialization=False)

    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(numbers(parameter.numel(), 0.5).reshape(parameter.shape))
    torch.save(module.state_dict(), folder / "module.bin")
    torch.save(module, folder / "whole-module.bin")
    torch.jit.script(module).save(str(folder / "script.bin"))
    torch.save({"t": table.t()}, folder / "transposed.bin")
    torch.save({"a": torch.ones(2), "step": 3}, folder / "with-a-number.bin")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
