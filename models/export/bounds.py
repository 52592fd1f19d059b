"""Shows the data from which the bounds of the embedded model were chosen (models/README.md, section Bounds).

    v/bin/python models/export/bounds.py models/embedded/all-minilm-l6-v2 src/prompts/sample/passages.jsonl

Prints quantiles of |cosine| between a passage and related or unrelated answers, and of the distance 1 - |cosine| between
an answer and its copies, or other honest answers.
"""
import argparse
import json
import random
import re
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from verify import Quantised

SENTENCE = re.compile(r"(?<=[.!?])\s+")
OFF_TOPIC = [
    "I like turtles and I think they are the best animals in the world.",
    "The recipe needs two eggs, a cup of flour and a pinch of salt; bake for twenty minutes.",
    "Bitcoin mining is a competitive business where hash rate matters most.",
    "As an AI language model I cannot help with that request.",
    "lorem ipsum dolor sit amet consectetur adipiscing elit",
    "asdf qwer zxcv uiop hjkl bnm",
    "I don't know.",
    "Buy cheap watches now, best price guaranteed, click here",
]
FILLERS = ["thing", "also", "very", "indeed", "however", "made"]
LETTERS = "abcdefghijklmnopqrstuvwxyz "


def summary(sentences: list[str], count: int = 6) -> str:
    chosen = sorted(random.sample(range(len(sentences)), min(count, len(sentences))))
    return " ".join(sentences[index] for index in chosen)


def question(sentence: str) -> str:
    words = re.findall(r"[A-Za-z']{5,}", sentence)[:6]
    return f"What does the text say about {' '.join(words).lower()}?"


def with_changed_words(text: str, count: int) -> str:
    words = text.split()
    for index in random.sample(range(len(words)), min(count, len(words))):
        words[index] = random.choice(FILLERS)
    return " ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("passages", type=Path)
    parser.add_argument("--count", type=int, default=70)
    options = parser.parse_args()
    random.seed(1)

    model = Quantised(options.folder, Tokenizer.from_file(str(options.folder / "tokenizer.json")))
    known: dict[str, np.ndarray] = {}

    def cosine(a: str, b: str) -> float:
        for text in (a, b):
            if text not in known:
                known[text] = model.embed(text)
        return abs(float(known[a] @ known[b]))

    def show(name: str, values: list[float]) -> None:
        points = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
        quantiles = "  ".join(f"p{round(point * 100):02d} {np.quantile(values, point):.3f}" for point in points)
        print(f"{name:44s} {quantiles}")

    passages = [json.loads(line) for line in options.passages.read_text().splitlines()]
    passages = random.sample(passages, min(options.count, len(passages)))
    texts = [[part for part in SENTENCE.split(passage["text"]) if len(part) > 15][:20] for passage in passages]
    sources = [passage["source"] for passage in passages]
    count = len(texts)
    bases = [" ".join(text[: random.randint(15, 20)]) for text in texts]
    summaries = [summary(text) for text in texts]
    singles = [random.choice(text) for text in texts]
    foreign = [random.choice([j for j in range(count) if sources[j] != sources[i]]) for i in range(count)]
    noise = ["".join(random.choices(LETTERS, k=300)) for _ in range(10)]

    print("|cosine| of a text and an answer")
    show("its summary", [cosine(bases[i], summaries[i]) for i in range(count)])
    show("one of its sentences", [cosine(bases[i], singles[i]) for i in range(count)])
    show("a question about one of its sentences", [cosine(bases[i], question(singles[i])) for i in range(count)])
    show("a summary of a text of another source", [cosine(bases[i], summaries[foreign[i]]) for i in range(count)])
    show("a sentence of a text of another source", [cosine(bases[i], singles[foreign[i]]) for i in range(count)])
    show("off-topic phrases", [cosine(base, text) for base in bases for text in OFF_TOPIC])
    show("random letters", [cosine(base, text) for base in bases for text in noise])

    def show_distance(name: str, pairs: list[tuple[str, str]]) -> None:
        show(name, [1 - cosine(a, b) for a, b in pairs])

    print("\n1 - |cosine| of an answer and")
    show_distance("itself in upper case", [(text, text.upper()) for text in summaries])
    for changed in (1, 3):
        show_distance(f"itself, words changed: {changed}", [(text, with_changed_words(text, changed)) for text in summaries])
    show_distance("itself and a closing phrase", [(text, f"{text} I hope this helps!") for text in summaries])
    show_distance("itself, sentences in another order", [(text, " ".join(sorted(SENTENCE.split(text)))) for text in summaries])
    show_distance("another summary of the same text", [(summaries[i], summary(texts[i])) for i in range(count)])
    nearest = [max((summary(texts[i]) for _ in range(11)), key=lambda text, i=i: cosine(summaries[i], text)) for i in range(count)]
    show_distance("the nearest of eleven other summaries", list(zip(summaries, nearest)))
    show_distance("another question about the same text", [(question(text[2]), question(text[-1])) for text in texts])


if __name__ == "__main__":
    main()
