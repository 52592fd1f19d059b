"""Computes golden numbers for src/gating with numpy and prints nothing: python make.py writes training.json beside itself.

A linear layer trained by SGD with momentum on MSE(softmax(scores of the asked), softmax(their rewards)), in double
precision. Steps go along encoding - mean of the encodings so far, and the bias takes 0.04 of a step, in coordinates that are moved to
the mean and back. The gradient goes through the full Jacobian of softmax and is checked against finite differences here as well,
so that nothing is shared with the closed form in the TypeScript. numpy 2.x, Python 3.11 or later.
"""
import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
rng = np.random.default_rng(20231106)
ROWS, HIDDEN, STEPS = 12, 8, 40
LEARNING_RATE, MOMENTUM = 0.5, 0.9
BIAS_PACE = 0.04


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def loss_of(scores, rewards):
    return float(np.mean((softmax(scores) - softmax(rewards)) ** 2))


def gradient_of(scores, rewards):
    p, q = softmax(scores), softmax(rewards)
    jacobian = np.diag(p) - np.outer(p, p)
    return jacobian.T @ (2 * (p - q) / len(p))


def check(scores, rewards):
    analytic, h = gradient_of(scores, rewards), 1e-6
    for i in range(len(scores)):
        up, down = scores.copy(), scores.copy()
        up[i] += h
        down[i] -= h
        assert abs((loss_of(up, rewards) - loss_of(down, rewards)) / (2 * h) - analytic[i]) < 1e-8


# Rounded to float32 first, which is what the program keeps.
start = rng.uniform(-0.5, 0.5, (ROWS, HIDDEN)).astype(np.float32)
weights, bias = start.astype(np.float64), np.zeros(ROWS)
velocity = np.zeros((ROWS, HIDDEN + 1))
mean, count = np.zeros(HIDDEN), 0
steps = []
for _ in range(STEPS):
    encoding = rng.normal(size=HIDDEN)
    encoding = (encoding / np.linalg.norm(encoding)).astype(np.float32)
    asked = rng.choice(ROWS, size=int(rng.integers(1, ROWS + 1)), replace=False)
    rewards = rng.uniform(0, 1, len(asked)) * (rng.uniform(size=len(asked)) > 0.2)
    x = encoding.astype(np.float64)
    scores = (weights @ x + bias)[asked]
    check(scores, rewards)
    gradient = np.zeros(ROWS)
    gradient[asked] = gradient_of(scores, rewards)
    count += 1
    mean = mean + (x - mean) / count
    # (weight, bias at the mean) -> (weight, bias): a step in the former, with the bias slowed down, seen in the latter.
    shift = np.eye(HIDDEN + 1)
    shift[HIDDEN, :HIDDEN] = -mean
    slow = np.diag([1.0] * HIDDEN + [BIAS_PACE])
    velocity = MOMENTUM * velocity + np.outer(gradient, shift @ slow @ shift.T @ np.append(x, 1.0))
    weights = weights - LEARNING_RATE * velocity[:, :HIDDEN]
    bias = bias - LEARNING_RATE * velocity[:, HIDDEN]
    steps.append({
        "encoding": [float(v) for v in encoding],
        "asked": [int(v) for v in asked],
        "rewards": [float(v) for v in rewards],
        "loss": loss_of(scores, rewards),
        "gradient": [float(v) for v in gradient[asked]],
        "scores": [float(v) for v in scores],
    })

(HERE / "training.json").write_text(json.dumps({
    "rows": ROWS,
    "hidden": HIDDEN,
    "learningRate": LEARNING_RATE,
    "momentum": MOMENTUM,
    "start": [float(v) for v in start.ravel()],
    "steps": steps,
    "weights": [float(v) for v in weights.ravel()],
    "bias": [float(v) for v in bias],
}) + "\n")
