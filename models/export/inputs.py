"""The program's own way from texts to rows of ids (src/inference/graph/tokens.ts), and of rows to a padded batch."""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

CHARACTERS_PER_TOKEN = 32
MAX_WINDOWS = 8


@dataclass
class Row:
    ids: list[int]
    types: list[int]


class Inputs:
    def __init__(self, folder: Path, max_tokens: int):
        source = json.loads((folder / "tokenizer.json").read_text())
        config = json.loads((folder / "tokenizer_config.json").read_text())
        self.tokenizer = Tokenizer.from_str(json.dumps(source))
        self.max_tokens = max_tokens
        special = [token for token in source["added_tokens"] if token["special"] and token["content"]]
        self.spelled = [token["content"] for token in special]
        framed, body = self.tokenizer.encode("a").ids, self.tokenizer.encode("a", add_special_tokens=False).ids
        start = find_run(framed, body)
        self.prefix, self.suffix = framed[:start], framed[start + len(body) :]
        pair = self.tokenizer.encode("a", "a").ids[start + len(body) :]
        second = find_run(pair, body)
        self.middle, self.pair_suffix = pair[:second], pair[second + len(body) :]
        unknown = config.get("unk_token")
        unknown = unknown["content"] if isinstance(unknown, dict) else unknown
        frame = {*self.prefix, *self.suffix}
        self.reserved = {token["id"] for token in special if token["content"] != unknown or token["id"] in frame}

    @property
    def room(self) -> int:
        return self.max_tokens - len(self.prefix) - len(self.suffix)

    def body(self, text: str, windows: int = 1) -> list[int]:
        """Ids of a stranger's text: no special token is real, and not more is read than can be used."""
        units = windows * self.max_tokens * CHARACTERS_PER_TOKEN
        text = text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "replace")
        for token in self.spelled:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return [id for id in self.tokenizer.encode(text, add_special_tokens=False).ids if id not in self.reserved]

    def ours(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def whole(self, text: str) -> Row:
        return plain([*self.prefix, *self.body(text)[: self.room], *self.suffix])

    def open(self, text: str) -> list[int]:
        return [*self.prefix, *self.body(text)]

    def windows(self, text: str) -> list[Row]:
        return [plain([*self.prefix, *ids, *self.suffix]) for ids in chunks(self.body(text, MAX_WINDOWS), self.room)]

    def pieces(self, text: str) -> list[Row]:
        ids = [*self.prefix, *self.body(text, MAX_WINDOWS), *self.suffix]
        return [plain(piece) for piece in chunks(ids, self.max_tokens)]

    def pair(self, first: str, second: str) -> Row:
        frame = len(self.prefix) + len(self.middle) + len(self.pair_suffix)
        a, b = cut_longest_first([self.body(first), self.body(second)], self.max_tokens - frame)
        own = len(self.prefix) + len(a) + min(1, len(self.middle))
        ids = [*self.prefix, *a, *self.middle, *b, *self.pair_suffix]
        return Row(ids, [0 if at < own else 1 for at in range(len(ids))])

    def template(self, parts: list[dict]) -> Row:
        ids = [self.ours(part["text"]) if part["isOurs"] else self.body(part["text"]) for part in parts]
        strange = [at for at, part in enumerate(parts) if not part["isOurs"]]
        taken = sum(len(ids[at]) for at, part in enumerate(parts) if part["isOurs"])
        room = max(0, self.max_tokens - len(self.prefix) - taken)
        for at, cut in zip(strange, cut_longest_first([ids[at] for at in strange], room)):
            ids[at] = cut
        return plain([*self.prefix, *(id for piece in ids for id in piece)])


def plain(ids: list[int]) -> Row:
    return Row(ids, [0] * len(ids))


def find_run(ids: list[int], run: list[int]) -> int:
    found = [at for at in range(len(ids)) if ids[at : at + len(run)] == run]
    if not found:
        raise SystemExit("the tokenizer frames a text in a way that the program cannot take apart")
    return found[0]


def chunks(ids: list[int], size: int) -> list[list[int]]:
    count = min(MAX_WINDOWS, max(1, -(-len(ids) // size)))
    return [ids[at * size : (at + 1) * size] for at in range(count)]


def cut_longest_first(lists: list[list[int]], room: int) -> list[list[int]]:
    """Shares the room from the shortest list up, as the tokenizers library does for two."""
    lengths = [len(ids) for ids in lists]
    order = sorted(range(len(lists)), key=lambda at: lengths[at])
    for rank, at in enumerate(order):
        lengths[at] = min(lengths[at], room // (len(order) - rank))
        room -= lengths[at]
    return [ids[:length] for ids, length in zip(lists, lengths)]


def padded(rows: list[Row], limit: int) -> dict[str, np.ndarray]:
    """A batch as the program makes it: filled up at the end with id 0, which the mask hides, to a multiple of 8."""
    width = min(limit, -(-max(1, *(len(row.ids) for row in rows)) // 8) * 8)
    feeds = {name: np.zeros((len(rows), width), np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
    for at, row in enumerate(rows):
        feeds["input_ids"][at, : len(row.ids)] = row.ids
        feeds["attention_mask"][at, : len(row.ids)] = 1
        feeds["token_type_ids"][at, : len(row.ids)] = row.types
    feeds["position_ids"] = np.tile(np.arange(width, dtype=np.int64), (len(rows), 1))
    return feeds
