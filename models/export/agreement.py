"""What a model answers on the fixed texts: as numbers to compare, ranks, and the golden list of a manifest."""
from dataclasses import dataclass
from typing import Iterator

import numpy as np
import torch

from graphs import Session
from inputs import Inputs, Row, padded
from recipes import Recipe

BATCH = 8


@dataclass
class Case:
    """As the program's protocol asks it."""

    question: dict
    rows: list[Row]
    """Of a language model: tokens of the prompt."""
    prompt_length: int = 0


@dataclass
class Answers:
    """Of each row every number that counts, flat; and of each case the score that the program makes of them."""

    numbers: list[np.ndarray]
    scores: list[np.ndarray]


def cases_of(recipe: Recipe, inputs: Inputs, texts: list[tuple[str, str]]) -> list[Case]:
    return [one_case(recipe, inputs, prompt, completion) for prompt, completion in texts]


def one_case(recipe: Recipe, inputs: Inputs, prompt: str, completion: str) -> Case:
    if "language" in recipe.ability:
        ids = inputs.open(prompt + completion)[: inputs.max_tokens]
        question = {"prompt": prompt, "completion": completion}
        return Case(question, [Row(ids, [0] * len(ids))], len(inputs.open(prompt)))
    if "embedding" in recipe.ability:
        has_windows = recipe.ability["embedding"].get("windows", False)
        return Case({"text": completion}, inputs.windows(completion) if has_windows else [inputs.whole(completion)])
    if recipe.form == "pieces":
        return Case({"pieces": completion}, inputs.pieces(completion))
    template = recipe.ability["classification"].get("template")
    row = inputs.pair(prompt, completion) if template is None else inputs.template(in_template(template, prompt, completion))
    return Case({"pair": [prompt, completion]}, [row])


def in_template(template: dict, prompt: str, completion: str) -> list[dict]:
    ours = lambda text: {"text": text, "isOurs": True}
    strange = lambda text: {"text": text, "isOurs": False}
    return [ours(template["before"]), strange(prompt), ours(template["between"]), strange(completion), ours(template["after"])]


def answers_of(recipe: Recipe, cases: list[Case], outputs: Iterator[np.ndarray]) -> Answers:
    """`outputs`: of each row of each case what the model gives, without padding."""
    numbers, scores = [], []
    for case in cases:
        own = [(row, next(outputs)) for row in case.rows]
        if "embedding" in recipe.ability:
            numbers += [output.ravel() for _, output in own]
            scores.append(np.mean([pooled(recipe, output) for _, output in own], axis=0))
        elif "language" in recipe.ability:
            row, logits = own[0]
            numbers.append(log_probabilities(row, logits))
            # logits at a place tell of the token after it; the very first token is never scored.
            scored = numbers[-1][max(0, case.prompt_length - 1) :] if case.prompt_length < len(row.ids) else []
            scores.append(np.array([np.mean(scored) if len(scored) else -np.inf]))
        else:
            numbers += [output for _, output in own]
            scores.append(np.stack([output for _, output in own]))
    return Answers(numbers, scores)


def pooled(recipe: Recipe, hidden: np.ndarray) -> np.ndarray:
    embedding = recipe.ability["embedding"]
    if len(hidden) == 0:
        return np.zeros(hidden.shape[1])
    vector = (hidden[-1] if embedding["pooling"] == "last" else hidden.mean(0)).astype(np.float64)
    return vector / np.linalg.norm(vector) if embedding["normalize"] else vector


def log_probabilities(row: Row, logits: np.ndarray) -> np.ndarray:
    if len(row.ids) < 2:
        return np.zeros(0)
    values = torch.log_softmax(torch.from_numpy(logits[:-1]).double(), -1).numpy()
    return values[np.arange(len(row.ids) - 1), row.ids[1:]]


def torch_outputs(recipe: Recipe, model, cases: list[Case]) -> Iterator[np.ndarray]:
    """The model as its authors wrote it, one row at a time, nothing padded: the truth that exports are held against."""
    width = getattr(model.config, "hidden_size", 0)
    with torch.inference_mode():
        for row in (row for case in cases for row in case.rows):
            if not row.ids:
                yield np.zeros((0, width), np.float32)
                continue
            feeds = {"input_ids": torch.tensor([row.ids])}
            if getattr(model.config, "type_vocab_size", 0) > 1:
                feeds["token_type_ids"] = torch.tensor([row.types])
            given = model(**feeds)
            value = given.last_hidden_state if recipe.task == "feature-extraction" else given.logits
            yield value[0].float().numpy()


def onnx_outputs(recipe: Recipe, session: Session, cases: list[Case], max_tokens: int) -> Iterator[np.ndarray]:
    """The same from a file, in batches of rows that are padded differently."""
    rows = [row for case in cases for row in case.rows]
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        found = session.run(padded(batch, max_tokens))
        if "classification" in recipe.ability:
            yield from found
        else:
            yield from (value[: len(row.ids)] for value, row in zip(found, batch))


def largest_error(expected: Answers, actual: Answers) -> float:
    errors = [np.abs(a - b).max() for a, b in zip(expected.numbers, actual.numbers, strict=True) if a.size]
    return float("inf") if any(np.isnan(errors)) else float(max(errors))


def rank_correlation(recipe: Recipe, expected: Answers, actual: Answers) -> float:
    """Spearman's: of the similarities of all pairs of texts, of the log-probabilities, or of each label's logits (the least)."""
    if "embedding" in recipe.ability:
        return spearman(similarities(expected.scores), similarities(actual.scores))
    a, b = np.concatenate([s.reshape(-1, s.shape[-1]) for s in expected.scores]), np.concatenate(
        [s.reshape(-1, s.shape[-1]) for s in actual.scores]
    )
    finite = np.isfinite(a).all(1)
    return min(spearman(a[finite, label], b[finite, label]) for label in range(a.shape[1]))


def similarities(vectors: list[np.ndarray]) -> np.ndarray:
    matrix = np.stack([vector / np.linalg.norm(vector) for vector in vectors if np.any(vector)])
    return (matrix @ matrix.T)[np.triu_indices(len(matrix), 1)]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def ranks(values: np.ndarray) -> np.ndarray:
    """Equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def golden(recipe: Recipe, cases: list[Case], answers: Answers) -> list[dict]:
    """Questions in the form of the program's protocol, each with the numbers that fp32 gives."""
    return [{**case.question, **told(recipe, score)} for case, score in zip(cases, answers.scores)]


def told(recipe: Recipe, score: np.ndarray) -> dict:
    digits = lambda values: [float(f"{value:.7g}") for value in values]
    if "embedding" in recipe.ability:
        return {"first8": digits(score[:8])}
    if "language" in recipe.ability:
        # Where the prompt leaves no token to score.
        return {"logProb": digits(score)[0] if np.isfinite(score[0]) else None}
    return {"logits": [digits(row) for row in score]}
