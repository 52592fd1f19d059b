"""Which models are exported, and how. What they are, from which commit and under which licence, their manifests tell."""
import json
from dataclasses import dataclass
from pathlib import Path

MANIFESTS = Path(__file__).parent.parent / "manifests"


@dataclass(frozen=True)
class Recipe:
    id: str
    repo: str
    """A full commit of the repository on the hub."""
    revision: str
    licence: str
    licence_url: str
    """`model_type` of config.json."""
    architecture: str
    """What the manifest says of the model: embedding, classification or language."""
    ability: dict
    """Special tokens included."""
    max_tokens: int
    roles: tuple[str, ...]
    """For each kind of device the dtypes that are worth loading, best first."""
    dtype: dict[str, list[str]]
    """Class of transformers that the weights are read into; it has to have weights for every parameter."""
    model: str
    """Task of optimum's exporter."""
    task: str
    """How a case is put to a classifier: pair or pieces."""
    form: str
    """Operators of opset 18 and com.microsoft 1 have kernels for CPU and WebGPU in ONNX Runtime 1.30."""
    opset: int = 18

    @property
    def page(self) -> str:
        return f"https://huggingface.co/{self.repo}"


ENCODER = ("AutoModel", "feature-extraction", "")
CLASSIFIER = ("AutoModelForSequenceClassification", "text-classification", "pieces")
REWARD = ("AutoModelForSequenceClassification", "text-classification", "pair")
# Causal models with their cache, so that what all answers of a step begin with is computed once.
CAUSAL_REWARD = ("AutoModelForSequenceClassification", "text-generation-with-past", "pair")
LANGUAGE = ("AutoModelForCausalLM", "text-generation-with-past", "")

KINDS = {
    "oa-deberta-v3-large-v2": REWARD,
    "oa-deberta-v3-base": REWARD,
    "gpt-j-rm-format-oa": CAUSAL_REWARD,
    "skywork-reward-v2-qwen3-0.6b": CAUSAL_REWARD,
    "skywork-reward-v2-qwen3-1.7b": CAUSAL_REWARD,
    # Two in place of cerebras/btlm-3b-8k-base, which no exporter knows: a base model that continues any text.
    "qwen3-0.6b-base": LANGUAGE,
    "smollm2-360m": LANGUAGE,
    "roberta-hate-speech-dynabench-r4-target": CLASSIFIER,
    "bert-base-uncased": ENCODER,
    "all-distilroberta-v1": ENCODER,
    "gpt-neo-125m": ENCODER,
}


def read_recipe(id: str) -> Recipe:
    manifest = json.loads((MANIFESTS / f"{id}.json").read_text())
    model, task, form = KINDS[id]
    return Recipe(
        id=id,
        repo=manifest["repo"],
        revision=manifest["revision"],
        licence=manifest["licence"]["spdx"],
        licence_url=manifest["licence"]["url"],
        architecture=manifest["architecture"],
        ability={key: manifest[key] for key in ("embedding", "classification", "language") if key in manifest},
        max_tokens=manifest["maxTokens"],
        roles=tuple(manifest["roles"]),
        dtype=manifest["dtype"],
        model=model,
        task=task,
        form=form,
    )


RECIPES = {id: read_recipe(id) for id in KINDS}
