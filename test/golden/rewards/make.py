"""Computes golden numbers for src/rewards with numpy and prints nothing: python make.py writes *.json beside itself.

Formulas: shared reference of openvalidators 1.2.0, section 3 (running normaliser, diversity, task validator), written
here independently of the TypeScript. numpy 2.x, Python 3.11 or later.
"""
import json
import math
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
rng = np.random.default_rng(20230828)


def write(name, value):
    (HERE / name).write_text(json.dumps(value) + "\n")


def erf_table():
    xs = [0.0, 1e-300, 1e-12, 1e-3, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 2.9999999, 3.0, 3.0000001, 3.5, 4.0, 5.0, 5.9, 6.0, 7.0, 30.0]
    xs += [float(x) for x in rng.uniform(-6, 6, 200)]
    xs += [-x for x in xs[:20]]
    return [{"x": x, "erf": math.erf(x)} for x in xs]


def normalizer():
    count, mean, var = 0.0, 0.0, 0.0
    batches = [[0.25], [0.25], [0.5, 0.5, 0.5], [-11.0, -2.5], [1e-9, 2e-9]]
    batches += [list(map(float, rng.normal(-3, 2, int(rng.integers(1, 51))))) for _ in range(150)]
    batches += [list(map(float, rng.normal(40, 1e-3, 50)))]
    out = []
    for batch in batches:
        raw = np.array(batch, dtype=np.float64)
        n = raw.size
        new_mean = raw.mean()
        new_var = raw.var(ddof=1) if n > 1 else 0.0
        w_new, w_old = n / (count + n), count / (count + n)
        d = new_mean - mean
        mean = w_new * new_mean + w_old * mean
        var = w_new * new_var + w_old * var + w_new * w_old * d * d
        count = min(3000, count + n)
        z = raw - mean
        if var > 0:
            z = z / np.sqrt(var)
        norm = [0.5 * (1 + math.erf(v / math.sqrt(2))) for v in z]
        out.append({"raw": batch, "normalized": norm, "state": {"count": count, "mean": mean, "variance": var}})
    return out


def unit(rows):
    """Unit vectors rounded to float32, kept as float64, so that both sides start from the same numbers."""
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32).astype(np.float64)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def second_smallest(similarity):
    return np.sort(1 - np.abs(similarity), axis=1)[:, 1]


def diversity():
    size = 8
    centres = rng.normal(size=(40, size))

    def batch(n, noise):
        picks = centres[rng.integers(0, len(centres), n)]
        scale = rng.choice(noise, (n, 1))
        rows = unit(picks + rng.normal(size=(n, size)) * scale)
        rows[n // 2] = rows[n // 2 - 1]  # neighbours that are equal: the history keeps one
        rows[n - 1] = rows[0]  # equal but apart: it keeps both
        return rows

    history = np.zeros((0, size))
    steps = []
    for index in range(14):
        rows = batch(50 if index else 30, [0.05, 0.2, 0.6, 2.0])
        batch_part = sigmoid(40 * second_smallest(rows @ rows.T) - 4)
        if len(history) > 502:
            history_part = sigmoid(1000 * second_smallest(rows @ history[500:].T) - 50)
        else:
            history_part = np.ones(len(rows))
        keep = [0] + [i for i in range(1, len(rows)) if not np.array_equal(rows[i], rows[i - 1])]
        # The history keeps half precision, as the state does.
        history = np.concatenate([history, rows[keep].astype(np.float16).astype(np.float64)])[-15500:]
        steps.append({
            "vectors": [[float(np.float32(v)) for v in row] for row in rows],
            "factors": (batch_part * history_part).tolist(),
            "stored": len(history),
        })
    return {"dimensions": size, "steps": steps}


def task_validator():
    summary = ["Summary:", "Paraphrase:", "Paraphrasing:", "Paraphrased:"]
    question = ["Question:", "Query:", "Q:"]
    answer = ["Answer:", "Response:", "A:", "Completion:"]

    def has(words, text):
        return any(word.lower() in text.lower() for word in words)

    texts = ["A plain sentence about whales.", "Why do whales sing?", "See the data: it is plain.", "", "answer", "Q", "Faq: none"]
    for word in summary + question + answer:
        texts += [f"{word} the whale.", f"The {word.lower()} the whale.", f"x{word.upper()}", word[:-1] + " : the whale"]
    rows = []
    for task in ["augment", "followup", "answer"]:
        for text in texts:
            zero = (
                (task in ("augment", "followup") and has(answer, text))
                or (task in ("augment", "answer") and has(question, text))
                or (task != "augment" and has(summary, text))
            )
            rows.append({"task": task, "completion": text, "factor": 0 if zero else 1})
    return rows


write("erf.json", erf_table())
write("normalizer.json", normalizer())
write("diversity.json", diversity())
write("task-validator.json", task_validator())
