"""A tokenizer of bytes in the form of vocab.json and merges.txt, and what transformers reads with it: for a test."""
import json
import sys
import tempfile
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer
from transformers import RobertaTokenizer, RobertaTokenizerFast

from texts import COMPLETIONS, PROMPTS

PASSAGES = Path(__file__).parent.parent.parent / "src/prompts/sample/passages.jsonl"
TRAINED_ON = 40
VOCABULARY = 700
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
HARD = ["", " ", "\n\n\t x", "don't we'll I've", "a<mask> b", "</s> <s> <pad>", "zero\u200dwidth", "👩‍👩‍👧 é é", "\u00a0nbsp", "١٢٣ 123,456"]


def main(out: Path) -> None:
    lines = PASSAGES.read_text().splitlines()[:TRAINED_ON]
    trained = ByteLevelBPETokenizer(add_prefix_space=False)
    trained.train_from_iterator([json.loads(line)["text"] for line in lines], vocab_size=VOCABULARY, special_tokens=SPECIAL)
    out.mkdir(parents=True, exist_ok=True)
    trained.save_model(str(out))
    # As transformers wrote it before 2023, and as the hate classifier of legacy has it.
    token = lambda content: {"content": content, "single_word": False, "lstrip": content == "<mask>", "rstrip": False, "normalized": True, "__type": "AddedToken"}
    roles = dict(zip(["bos", "pad", "eos", "unk", "mask"], SPECIAL)) | {"cls": "<s>", "sep": "</s>"}
    config = {f"{role}_token": token(content) for role, content in roles.items()}
    config |= {"add_prefix_space": False, "errors": "replace", "tokenizer_class": "RobertaTokenizer"}
    (out / "tokenizer_config.json").write_text(json.dumps(config) + "\n")
    files = {"vocab_file": str(out / "vocab.json"), "merges_file": str(out / "merges.txt")}
    fast, slow = RobertaTokenizerFast(**files), RobertaTokenizer(**files)
    texts = [*COMPLETIONS, *PROMPTS, *HARD]
    expected = [{"text": text, "ids": fast(text).input_ids} for text in texts]
    differing = [case["text"] for case in expected if slow(case["text"]).input_ids != case["ids"]]
    print("read in another way by the slow tokenizer:", differing)
    with tempfile.TemporaryDirectory() as folder:
        fast.save_pretrained(folder)
        whole = json.loads((Path(folder) / "tokenizer.json").read_text())
    del whole["model"]["vocab"], whole["model"]["merges"]
    text = json.dumps({"tokenizer": whole, "texts": expected}, ensure_ascii=False)
    (out / "expected.json").write_text(text + "\n")


main(Path(sys.argv[1]))
