"""tokenizer.json and tokenizer_config.json of an export, in a form that transformers.js reads as `tokenizers` does."""
import json
import re
import tempfile
from pathlib import Path

import transformers
from tokenizers import Tokenizer

from texts import COMPLETIONS, PROMPTS

ZERO_WIDTH_JOINER = "\u200d"
ARABIC_LETTER_MARK = "\u061c"
# Of the private use area: no font and no vocabulary has it.
STAND_IN = "\ue00d"


def write_tokenizer(checkpoint: Path, out: Path) -> None:
    """tokenizer.json, made from the older files where there is none; without its own cutting and padding."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint, use_fast=True, local_files_only=True)
    if not tokenizer.is_fast:
        raise SystemExit(f"the tokenizer of {checkpoint} cannot be written as tokenizer.json")
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        tokenizer.save_pretrained(folder)
        content = json.loads((Path(folder) / "tokenizer.json").read_text())
        config = json.loads((Path(folder) / "tokenizer_config.json").read_text())
    if content["normalizer"] is not None:
        content["normalizer"] = same_everywhere(content["normalizer"])
    # transformers.js looks classes up by the names of the slow ones.
    config["tokenizer_class"] = re.sub("Fast$", "", config["tokenizer_class"])
    written = Tokenizer.from_str(json.dumps(content))
    for text in [*COMPLETIONS, *PROMPTS]:
        if written.encode(text).ids != tokenizer(text).input_ids:
            raise SystemExit(f"the tokenizer of {checkpoint} reads {text!r} in another way once it is written")
    (out / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")))
    (out / "tokenizer_config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n")


def same_everywhere(normalizer: dict) -> dict:
    """
    SentencePiece's own normalisation leaves a zero width joiner (as in the emoji of families) where it is and makes a
    space of the Arabic letter mark; that of transformers.js 4.3.1 does it the other way round. All other characters
    but U+0344, alone between letters, come out alike.
    """
    if normalizer["type"] == "Sequence":
        return {**normalizer, "normalizers": [same_everywhere(part) for part in normalizer["normalizers"]]}
    if normalizer["type"] != "Precompiled":
        return normalizer
    replace = lambda old, new: {"type": "Replace", "pattern": {"String": old}, "content": new}
    hidden = [replace(ARABIC_LETTER_MARK, " "), replace(ZERO_WIDTH_JOINER, STAND_IN)]
    return {"type": "Sequence", "normalizers": [*hidden, normalizer, replace(STAND_IN, ZERO_WIDTH_JOINER)]}
