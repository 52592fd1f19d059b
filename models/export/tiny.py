"""Checkpoints of a few hundred kilobytes with random weights, one for each architecture of recipes.py.

Their tokenizers are of the same kinds as the real ones, trained on the texts of texts.py, and lie in the folder in the
files that the real repositories have.
"""
import json
import re
from pathlib import Path
from typing import Callable

import sentencepiece
import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.convert_slow_tokenizer import bytes_to_unicode

from texts import PROMPTS, sentence

ENCODER_TOKENS, DECODER_TOKENS = 64, 128
WIDTH, HEADS, LAYERS, INNER = 32, 4, 2, 64
CORPUS = [*PROMPTS, *(sentence(30, at) for at in range(12)), "I do not know what you mean.", "0123456789 good bad hate"]
SEED = 1
"""What decides where attention looks."""
ATTENTION = re.compile(r"\b(q|k|query|key)(_proj)?\.weight$")
"""In a trained model a layer adds little to what passes it by; so the rounding of its weights counts little as well."""
RESIDUAL_GAIN = 0.6


def weights(model: torch.nn.Module) -> torch.nn.Module:
    """Random, and of such size that attention looks at some tokens more than at others, and that scores spread."""
    generator = torch.Generator().manual_seed(SEED)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        with torch.no_grad():
            if parameter.ndim < 2:
                parameter.copy_(noise * 0.1 + (1.0 if name.endswith("weight") else 0.0))
            elif "embed" in name or "wte" in name or "wpe" in name:
                parameter.copy_(noise)
            else:
                gain = 1.0 if ATTENTION.search(name) else RESIDUAL_GAIN
                parameter.copy_(noise * gain * parameter.shape[1] ** -0.5)
    return model.eval()


def byte_level(folder: Path, first: list[str], last: list[str]) -> None:
    """vocab.json and merges.txt of a byte-level BPE; `first` and `last` are the special tokens around its pieces."""
    alphabet = sorted(bytes_to_unicode().values())
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=340, initial_alphabet=alphabet, special_tokens=first, show_progress=False)
    )
    trained.model.save(str(folder))
    vocabulary = {**trained.get_vocab()}
    for token in last:
        vocabulary[token] = len(vocabulary)
    write_json(folder / "vocab.json", dict(sorted(vocabulary.items(), key=lambda item: item[1])))


def gpt2_tokenizer(folder: Path, added: list[str]) -> int:
    byte_level(folder, [], ["<|endoftext|>"])
    tokenizer = transformers.GPT2TokenizerFast(
        str(folder / "vocab.json"), str(folder / "merges.txt"), additional_special_tokens=added
    )
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def split_tokenizer(folder: Path, kind: type, parts: list, normalizer=None) -> int:
    """Byte-level BPE whose words are found in another way; ends of turns are special tokens."""
    byte_level(folder, [], [])
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens(specials)
    for name in ("vocab.json", "merges.txt"):
        (folder / name).unlink()
    wrapped = kind(
        tokenizer_object=tokenizer, unk_token=None, bos_token=None, eos_token=specials[0], pad_token=specials[0]
    )
    wrapped.save_pretrained(folder)
    return len(wrapped)


def qwen_tokenizer(folder: Path) -> int:
    # The pattern of Qwen 2 and 3: contractions, words with what stands before them, single digits, other signs, spaces.
    words = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    parts = [
        pre_tokenizers.Split(Regex(words), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    return split_tokenizer(folder, transformers.Qwen2TokenizerFast, parts, normalizers.NFC())


def smollm_tokenizer(folder: Path) -> int:
    parts = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    return split_tokenizer(folder, transformers.GPT2TokenizerFast, parts)


def unigram_tokenizer(folder: Path) -> int:
    """SentencePiece with its own normalisation of Unicode, as DeBERTa v3 has it."""
    (folder / "corpus.txt").write_text("\n".join(CORPUS * 4))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"), model_prefix=str(folder / "spm"), vocab_size=160, model_type="unigram",
        hard_vocab_limit=False, character_coverage=1.0, num_threads=1, minloglevel=2,
        pad_id=0, bos_id=1, eos_id=2, unk_id=3,
        pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]",
    )
    for name in ("corpus.txt", "spm.vocab"):
        (folder / name).unlink()
    tokenizer = transformers.DebertaV2TokenizerFast(str(folder / "spm.model"))
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def wordpiece_tokenizer(folder: Path) -> int:
    """Characters, and every second word whole. Not trained: the trainer's vocabulary is another one each time."""
    characters = sorted({character for text in CORPUS for character in text.lower() if not character.isspace()})
    words = sorted({word for text in CORPUS for word in re.findall("[a-z]{2,}", text.lower())})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *(f"##{c}" for c in characters), *words[::2]]
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces))
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False))


def deberta(folder: Path) -> torch.nn.Module:
    return transformers.DebertaV2ForSequenceClassification(transformers.DebertaV2Config(
        vocab_size=unigram_tokenizer(folder), hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=INNER, max_position_embeddings=ENCODER_TOKENS, type_vocab_size=0, relative_attention=True,
        position_buckets=16, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"],
        position_biased_input=False, pooler_hidden_size=WIDTH, pooler_dropout=0, layer_norm_eps=1e-7, num_labels=1,
    ))


def gptj(folder: Path) -> torch.nn.Module:
    size = gpt2_tokenizer(folder, ["<|prompter|>", "<|assistant|>", "</s>", "<|padding|>"])
    return transformers.GPTJForSequenceClassification(transformers.GPTJConfig(
        vocab_size=size, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, rotary_dim=4, n_positions=DECODER_TOKENS,
        num_labels=1, pad_token_id=size - 1,
    ))


def qwen3_config(folder: Path, **more) -> transformers.Qwen3Config:
    return transformers.Qwen3Config(
        vocab_size=qwen_tokenizer(folder), hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=2, head_dim=16, intermediate_size=INNER, max_position_embeddings=DECODER_TOKENS,
        tie_word_embeddings=True, bos_token_id=None, eos_token_id=None, **more,
    )


def qwen3_language(folder: Path) -> torch.nn.Module:
    return transformers.Qwen3ForCausalLM(qwen3_config(folder))


def qwen3_reward(folder: Path) -> torch.nn.Module:
    # Its padding is the end of a text: nothing that the template holds.
    return transformers.Qwen3ForSequenceClassification(qwen3_config(folder, num_labels=1, pad_token_id=340))


def llama(folder: Path) -> torch.nn.Module:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=smollm_tokenizer(folder), hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=2, intermediate_size=INNER, max_position_embeddings=DECODER_TOKENS, rope_theta=100_000,
        tie_word_embeddings=True, bos_token_id=None, eos_token_id=None,
    ))


def roberta(folder: Path) -> torch.nn.Module:
    # Two files and no tokenizer.json, as in the repository.
    byte_level(folder, ["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"])
    return transformers.RobertaForSequenceClassification(transformers.RobertaConfig(
        vocab_size=341, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=INNER, max_position_embeddings=ENCODER_TOKENS + 2, type_vocab_size=1, layer_norm_eps=1e-5,
        id2label={0: "nothate", 1: "hate"}, label2id={"nothate": 0, "hate": 1},
    ))


def bert(folder: Path) -> torch.nn.Module:
    return transformers.BertModel(transformers.BertConfig(
        vocab_size=wordpiece_tokenizer(folder), hidden_size=WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, intermediate_size=INNER, max_position_embeddings=ENCODER_TOKENS,
    ))


def gpt_neo(folder: Path) -> torch.nn.Module:
    # A window far shorter than the texts, so that local attention counts.
    return transformers.GPTNeoModel(transformers.GPTNeoConfig(
        vocab_size=gpt2_tokenizer(folder, []), hidden_size=WIDTH, num_layers=LAYERS, num_heads=HEADS,
        attention_types=[[["global", "local"], 1]], window_size=8, max_position_embeddings=DECODER_TOKENS,
    ))


"""Recipe, how to make its tiny checkpoint, and the limit of tokens."""
CHECKPOINTS: dict[str, tuple[str, Callable[[Path], torch.nn.Module], int]] = {
    "tiny-deberta-v2": ("oa-deberta-v3-large-v2", deberta, ENCODER_TOKENS),
    "tiny-gptj": ("gpt-j-rm-format-oa", gptj, DECODER_TOKENS),
    "tiny-qwen3": ("qwen3-0.6b-base", qwen3_language, DECODER_TOKENS),
    "tiny-llama": ("smollm2-360m", llama, DECODER_TOKENS),
    "tiny-roberta": ("roberta-hate-speech-dynabench-r4-target", roberta, ENCODER_TOKENS),
    "tiny-bert": ("bert-base-uncased", bert, ENCODER_TOKENS),
    "tiny-gpt-neo": ("gpt-neo-125m", gpt_neo, DECODER_TOKENS),
    "tiny-qwen3-reward": ("skywork-reward-v2-qwen3-0.6b", qwen3_reward, DECODER_TOKENS),
}


def write_checkpoint(id: str, folder: Path) -> None:
    """@raises SystemExit when the vocabulary and the model's table differ."""
    folder.mkdir(parents=True)
    model = weights(CHECKPOINTS[id][1](folder))
    model.save_pretrained(folder)
