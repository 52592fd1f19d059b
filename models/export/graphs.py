"""From a checkpoint to ONNX files: fp32, fp16, and either with its matrices in 4 bits."""
import gc
import logging
import tempfile
import types
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxslim
import torch
import transformers
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from optimum.exporters.onnx.convert import export
from optimum.exporters.tasks import TasksManager

from deberta import exportable_attention
from recipes import Recipe

FILES = {"fp32": "model.onnx", "fp16": "model_fp16.onnx", "q4": "model_q4.onnx", "q4f16": "model_q4f16.onnx"}
# A protobuf message cannot be longer than 2 GiB; what is near it keeps its weights in a second file.
LARGEST_MESSAGE = 1_900_000_000
BLOCK = 32
# A head with so few outputs is no gain in 4 bits and decides the score alone.
SMALLEST_QUANTIZED_WIDTH = 16


def load(recipe: Recipe, folder: Path, dtype: torch.dtype):
    """The model as the checkpoint has it, attention spelled out. Refuses one with parameters that it has no weights for."""
    model, report = getattr(transformers, recipe.model).from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", local_files_only=True, output_loading_info=True
    )
    if report["missing_keys"] or report["mismatched_keys"]:
        missing = sorted([*report["missing_keys"], *(key[0] for key in report["mismatched_keys"])])
        raise SystemExit(f"{folder} has no fitting weights for {', '.join(missing[:5])}: is it {recipe.repo}?")
    return model.eval()


def score_of_last_token(
    self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, use_cache=None
):
    """
    forward() of a decoder with a classification head, for rows padded at the end, which may go on from a cache. The
    original looks for pad_token_id in input_ids, which is another id than the one that the program pads with, and may be a
    real token. Whole tensors instead of indices, for WebGPU has kernels for those.
    """
    found = self.base_model(
        input_ids=input_ids,
        attention_mask=attention_mask,
        position_ids=position_ids,
        past_key_values=past_key_values,
        use_cache=use_cache,
    )
    own = attention_mask[:, -input_ids.shape[1] :]
    following = torch.nn.functional.pad(own[:, 1:], (0, 1))
    is_last = (own - following > 0).unsqueeze(-1)
    scores = self.score(found.last_hidden_state)
    logits = torch.where(is_last, scores, torch.zeros((), dtype=scores.dtype)).sum(1)
    return {"logits": logits, "past_key_values": found.past_key_values}


def write_graph(recipe: Recipe, checkpoint: Path, dtype: str, target: Path) -> None:
    """fp16 is what the model computes in half precision, norms and softmax in single where its authors wrote so."""
    model = load(recipe, checkpoint, torch.float16 if dtype == "fp16" else torch.float32)
    # The classification heads that read one token: every decoder of transformers calls them so.
    if "classification" in recipe.ability and hasattr(model, "score"):
        model.forward = types.MethodType(score_of_last_token, model)
    past = {"use_past": True, "use_past_in_inputs": True} if recipe.task.endswith("with-past") else {}
    constructor = TasksManager.get_exporter_config_constructor(
        "onnx", model=model, task=recipe.task, library_name="transformers"
    )
    config = constructor(model.config, float_dtype=dtype, **past)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder, warnings.catch_warnings(), exportable_attention():
        warnings.simplefilter("ignore")
        raw = Path(folder) / "raw.onnx"
        export(model, config, raw, opset=recipe.opset, device="cpu")
        del model
        gc.collect()
        save(simplified(raw), target)


def simplified(raw: Path) -> onnx.ModelProto:
    """Without what only describes the graph's making; large models keep their nodes, ONNX Runtime folds them anyway."""
    model = onnx.load(str(raw))
    if fits_message(model):
        model = onnxslim.slim(model)
    for node in model.graph.node:
        node.ClearField("doc_string")
    del model.graph.value_info[:]
    del model.metadata_props[:]
    return model


def write_quantized(source: Path, target: Path) -> None:
    """MatMul with a constant becomes MatMulNBits: 4 bits, blocks of 32, symmetric; activations as in the source."""
    # It tells of every node, also of those that it leaves alone.
    logging.getLogger("onnxruntime.quantization.matmul_nbits_quantizer").setLevel(logging.WARNING)
    model = onnx.load(str(source))
    widths = {tensor.name: tensor.dims[-1] for tensor in model.graph.initializer if len(tensor.dims) == 2}
    narrow = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and widths.get(node.input[1], SMALLEST_QUANTIZED_WIDTH) < SMALLEST_QUANTIZED_WIDTH
    ]
    quantizer = MatMulNBitsQuantizer(
        model, bits=4, block_size=BLOCK, is_symmetric=True, accuracy_level=0, nodes_to_exclude=narrow
    )
    quantizer.process()
    quantized = quantizer.model.model
    if not any(node.op_type == "MatMulNBits" for node in quantized.graph.node):
        raise SystemExit(f"{source.name} has no matrix product with constant weights to put into 4 bits")
    save(quantized, target)


def fits_message(model: onnx.ModelProto) -> bool:
    """By its weights: protobuf raises an error when asked for the size of what is longer than a message can be."""
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer) < LARGEST_MESSAGE


def save(model: onnx.ModelProto, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if fits_message(model):
        target.write_bytes(model.SerializeToString(deterministic=True))
        return
    weights = target.with_name(f"{target.name}_data")
    onnx.save_model(
        model, str(target), save_as_external_data=True, all_tensors_to_one_file=True, location=weights.name
    )
    # onnx makes it readable for its owner only.
    weights.chmod(target.stat().st_mode)


class Session:
    """A file on the CPU, as the program runs it."""

    def __init__(self, path: Path):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = {value.name: value for value in self.session.get_inputs()}
        # Keys and values of the tokens, which are the next run's past.
        self.outputs = [value.name for value in self.session.get_outputs() if not value.name.startswith("present.")]

    def run(self, feeds: dict[str, np.ndarray]) -> np.ndarray:
        rows = len(feeds["input_ids"])
        given = {name: feeds[name] if name in feeds else no_past(value, rows) for name, value in self.inputs.items()}
        (output,) = self.session.run(self.outputs, given)
        return output.astype(np.float32)


def no_past(value: onnxruntime.NodeArg, rows: int) -> np.ndarray:
    """Keys or values of no earlier token, [rows, heads, 0, size]."""
    sizes = [rows, *(size if isinstance(size, int) else 0 for size in value.shape[1:])]
    return np.zeros(sizes, np.float16 if value.type == "tensor(float16)" else np.float32)
