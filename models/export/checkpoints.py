"""Writes the material of test/models/build: tiny checkpoints with random weights, and what PyTorch computes with them.

    python models/export/checkpoints.py test/fixtures/checkpoints

Each folder is what a repository on the hub has (config.json and weights, made by transformers' own classes), and
`expected.json`: rows of ids and what the model gives for each alone, in fp32. It is written only when PyTorch itself gives
the same for the rows in a batch that is padded at the end or at the beginning.
"""
import argparse
import json
import shutil
from pathlib import Path
from typing import Callable

import torch
import transformers

from tiny import weights

VOCABULARY, POSITIONS = 64, 64
WIDTH, HEADS, LAYERS, INNER = 32, 4, 2, 64
SIZE = dict(
    vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=INNER
)
"""Lengths of the rows; the longest goes beyond gpt-neo's window and the first buckets of relative positions."""
LENGTHS = [4, 9, 23]
FIRST_ID = 4
TOLERANCE = 2e-6


def bert_config(**more) -> transformers.BertConfig:
    return transformers.BertConfig(**SIZE, max_position_embeddings=POSITIONS, **more)


def roberta_config(**more) -> transformers.RobertaConfig:
    return transformers.RobertaConfig(
        **SIZE, max_position_embeddings=POSITIONS + 2, type_vocab_size=1, layer_norm_eps=1e-5, **more
    )


def mpnet_config(**more) -> transformers.MPNetConfig:
    return transformers.MPNetConfig(**SIZE, max_position_embeddings=POSITIONS + 2, layer_norm_eps=1e-5, **more)


def deberta_config(**more) -> transformers.DebertaV2Config:
    return transformers.DebertaV2Config(
        **SIZE, max_position_embeddings=POSITIONS, type_vocab_size=0, relative_attention=True, position_buckets=8,
        norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False,
        pooler_hidden_size=WIDTH, pooler_dropout=0, layer_norm_eps=1e-7, **more,
    )


def decoder(config: type, **more):
    return config(
        **{**SIZE, "head_dim": 16, **more}, num_key_value_heads=2, max_position_embeddings=POSITIONS,
        bos_token_id=None, eos_token_id=None,
    )


def qwen3_config(**more) -> transformers.Qwen3Config:
    return decoder(transformers.Qwen3Config, tie_word_embeddings=True, **more)


def gptj_config(**more) -> transformers.GPTJConfig:
    return transformers.GPTJConfig(
        vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, rotary_dim=4, n_positions=POSITIONS,
        bos_token_id=None, eos_token_id=None, **more,
    )


def gpt_neo_config(**more) -> transformers.GPTNeoConfig:
    return transformers.GPTNeoConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_layers=LAYERS, num_heads=HEADS, window_size=8,
        attention_types=[[["global", "local"], 1]], max_position_embeddings=POSITIONS,
        bos_token_id=None, eos_token_id=None, **more,
    )


T = transformers
"""Name of the folder, how the model is made, and the type its weights are published in."""
CHECKPOINTS: dict[str, tuple[Callable[[], torch.nn.Module], torch.dtype]] = {
    "bert": (lambda: T.BertModel(bert_config()), torch.float32),
    "bert-classes": (lambda: T.BertForSequenceClassification(bert_config(num_labels=6)), torch.float32),
    "mpnet": (lambda: T.MPNetModel(mpnet_config()), torch.float32),
    "mpnet-classes": (lambda: T.MPNetForSequenceClassification(mpnet_config(num_labels=2)), torch.float32),
    "roberta": (lambda: T.RobertaModel(roberta_config()), torch.float16),
    "roberta-classes": (lambda: T.RobertaForSequenceClassification(roberta_config(num_labels=2)), torch.float32),
    "deberta-v2": (lambda: T.DebertaV2ForSequenceClassification(deberta_config(num_labels=1)), torch.float32),
    "qwen3": (lambda: T.Qwen3ForCausalLM(qwen3_config()), torch.bfloat16),
    "qwen3-classes": (
        lambda: T.Qwen3ForSequenceClassification(qwen3_config(num_labels=1, pad_token_id=0)), torch.bfloat16
    ),
    "llama": (
        lambda: T.LlamaForCausalLM(decoder(T.LlamaConfig, rope_theta=100_000, head_dim=8, tie_word_embeddings=False)),
        torch.float32,
    ),
    "llama-linear": (
        lambda: T.LlamaForCausalLM(
            decoder(T.LlamaConfig, head_dim=8, rope_scaling={"rope_type": "linear", "factor": 4.0})
        ), torch.bfloat16
    ),
    "llama-llama3": (
        lambda: T.LlamaForCausalLM(
            decoder(T.LlamaConfig, head_dim=16, rope_scaling={
                "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 32,
            })
        ), torch.bfloat16
    ),
    "qwen3-yarn": (
        lambda: T.Qwen3ForCausalLM(
            qwen3_config(rope_scaling={
                "rope_type": "yarn", "factor": 4.0, "beta_fast": 4, "beta_slow": 0.25,
                "original_max_position_embeddings": 32,
            })
        ), torch.bfloat16
    ),
    "gpt-neo": (lambda: T.GPTNeoModel(gpt_neo_config()), torch.float32),
    "gpt-neo-language": (lambda: T.GPTNeoForCausalLM(gpt_neo_config()), torch.float32),
    "gptj": (lambda: T.GPTJForSequenceClassification(gptj_config(num_labels=1, pad_token_id=0)), torch.float16),
    "gptj-language": (lambda: T.GPTJForCausalLM(gptj_config()), torch.float16),
}


def rows_of(name: str) -> list[list[int]]:
    generator = torch.Generator().manual_seed(len(name))
    return [torch.randint(FIRST_ID, VOCABULARY, (length,), generator=generator).tolist() for length in LENGTHS]


def types_of(model, rows: list[list[int]]) -> list[list[int]] | None:
    if getattr(model.config, "type_vocab_size", 0) < 2:
        return None
    return [[int(at > len(row) // 2) for at in range(len(row))] for row in rows]


def padded(rows: list[list[int]], side: str, value: int) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([
        [value] * (width - len(row)) + row if side == "left" else row + [value] * (width - len(row)) for row in rows
    ])


def outputs_of(model, rows: list[list[int]], types: list[list[int]] | None, side: str) -> list[torch.Tensor]:
    """What the model gives for each row of a batch, of its own tokens only."""
    ids = padded(rows, side, getattr(model.config, "pad_token_id", None) or 0)
    mask = padded([[1] * len(row) for row in rows], side, 0)
    feeds = {"input_ids": ids, "attention_mask": mask}
    if types is not None:
        feeds["token_type_ids"] = padded(types, side, 0)
    # Models whose positions are places in the row count padding before the text as well, unless told otherwise.
    if model.config.model_type in ("bert", "gpt_neo", "gptj", "qwen3", "llama"):
        feeds["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
    if side == "left" and first_token_decides(model):
        return []
    with torch.inference_mode():
        given = model(**feeds)
    if hasattr(given, "logits") and given.logits.ndim == 2:
        return list(given.logits)
    every = given.logits if hasattr(given, "logits") else given.last_hidden_state
    return [value[shown.bool()] for value, shown in zip(every, mask)]


def first_token_decides(model) -> bool:
    """transformers reads place 0 of each row there, which is padding in a row that is padded at the beginning."""
    return "SequenceClassification" in type(model).__name__ and hasattr(model.config, "intermediate_size") and (
        model.config.model_type in ("bert", "mpnet", "roberta", "deberta-v2")
    )


def write(name: str, target: Path) -> None:
    make, dtype = CHECKPOINTS[name]
    model = weights(make())
    # The numbers are those of the weights as they are published; tables that follow from the config stay exact.
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype).float()
    model.set_attn_implementation("eager")
    rows = rows_of(name)
    types = types_of(model, rows)
    alone = [outputs_of(model, [row], types and [types[at]], "right")[0] for at, row in enumerate(rows)]
    for side in ("left", "right"):
        for one, other in zip(alone, outputs_of(model, rows, types, side)):
            error = (one - other).abs().max().item()
            if error > TOLERANCE * max(1, one.abs().max().item()) * 10:
                raise SystemExit(f"{name}: PyTorch's own numbers change by {error} when padded on the {side}")
    folder = target / name
    shutil.rmtree(folder, ignore_errors=True)
    # DeBERTa's reward model is published as PyTorch's own file alone.
    model.to(dtype).save_pretrained(folder, safe_serialization=name != "deberta-v2")
    (folder / "generation_config.json").unlink(missing_ok=True)
    digits = lambda value: [digits(item) for item in value] if isinstance(value, list) else float(f"{value:.7g}")
    expected = {
        "madeWith": f"torch {torch.__version__}, transformers {transformers.__version__}",
        "rows": rows,
        **({"types": types} if types else {}),
        "outputs": [digits(value.tolist()) for value in alone],
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--only", choices=CHECKPOINTS, nargs="+", default=list(CHECKPOINTS))
    options = parser.parse_args()
    for name in options.only:
        write(name, options.target)


if __name__ == "__main__":
    main()
