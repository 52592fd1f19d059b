"""Which models are exported, from what, and what the program asks them.

A revision is a commit of the repository on the hub. Where it is None nobody here could look it up: the page
https://huggingface.co/REPO/commits/main shows it in full, and export.py takes it with --revision.
"""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recipe:
    id: str
    repo: str
    revision: str | None
    licence: str
    """`model_type` of config.json."""
    architecture: str
    """Class of transformers that the weights are read into; it has to have weights for every parameter."""
    model: str
    """Task of optimum's exporter."""
    task: str
    """What the manifest says of the model: embedding, classification or language."""
    ability: dict
    """Special tokens included."""
    max_tokens: int
    roles: tuple[str, ...]
    """How a case is put to a classifier: pair, pieces, or the parts of a template around {prompt} and {completion}."""
    form: str | tuple[str, ...] = "pieces"
    """What a device loads, where it was exported; otherwise the first dtype that was."""
    dtype: dict[str, str] = field(default_factory=lambda: {"webgpu": "fp16", "cpu": "fp32"})
    """Operators of opset 18 and com.microsoft 1 have kernels for CPU and WebGPU in ONNX Runtime 1.30."""
    opset: int = 18

    @property
    def page(self) -> str:
        return f"https://huggingface.co/{self.repo}"


REWARD = {"classification": {"labels": ["reward"]}}
# Of a model too large for fp32 on a usual machine.
LARGE = {"webgpu": "fp16", "cpu": "q4"}
CHAT_TURN = (
    "<|im_start|>user\n", "{prompt}", "<|im_end|>\n<|im_start|>assistant\n", "{completion}", "<|im_end|>\n",
)

RECIPES = {
    recipe.id: recipe
    for recipe in (
        Recipe(
            id="oa-deberta-v3-large-v2",
            repo="OpenAssistant/reward-model-deberta-v3-large-v2",
            revision="c355404efa9ad2ad069f3a197cae0523c14244fc",
            licence="MIT",
            architecture="deberta-v2",
            model="AutoModelForSequenceClassification",
            task="text-classification",
            ability=REWARD,
            max_tokens=512,
            roles=("rlhf",),
            form="pair",
        ),
        Recipe(
            id="gpt-j-rm-format-oa",
            repo="reciprocate/gpt-j_rm_format-oa",
            revision="501f895e232d602d90185a574e1c2ceb2e5246a0",
            licence="Apache-2.0",
            architecture="gptj",
            model="AutoModelForSequenceClassification",
            task="text-classification",
            ability=REWARD,
            max_tokens=2048,
            roles=("reciprocate",),
            form=("<|prompter|>", "{prompt}", "</s><|assistant|>", "{completion}", "</s><|endoftext|>"),
            dtype={"webgpu": "q4", "cpu": "q4"},
        ),
        # Two in place of cerebras/btlm-3b-8k-base, which no exporter knows: a base model that continues any text.
        Recipe(
            id="qwen3-0.6b-base",
            repo="Qwen/Qwen3-0.6B-Base",
            revision="da87bfb608c14b7cf20ba1ce41287e8de496c0cd",
            licence="Apache-2.0",
            architecture="qwen3",
            model="AutoModelForCausalLM",
            task="text-generation",
            ability={"language": {}},
            max_tokens=2048,
            roles=("dpo",),
            dtype=LARGE,
        ),
        Recipe(
            id="smollm2-360m",
            repo="HuggingFaceTB/SmolLM2-360M",
            revision="f8027fd0eaeea54caa13c31d31b9fdc459c38b49",
            licence="Apache-2.0",
            architecture="llama",
            model="AutoModelForCausalLM",
            task="text-generation",
            ability={"language": {}},
            max_tokens=2048,
            roles=("dpo",),
        ),
        Recipe(
            id="roberta-hate-speech-dynabench-r4-target",
            repo="facebook/roberta-hate-speech-dynabench-r4-target",
            revision="391c99ab8b3f65beb77746a2cf6ddf1ddf9817e6",
            # The repository states none.
            licence="NOASSERTION",
            architecture="roberta",
            model="AutoModelForSequenceClassification",
            task="text-classification",
            ability={"classification": {"labels": ["nothate", "hate"]}},
            max_tokens=512,
            roles=("nsfw",),
        ),
        Recipe(
            id="bert-base-uncased",
            repo="google-bert/bert-base-uncased",
            revision="86b5e0934494bd15c9632b12f734a8a67f723594",
            licence="Apache-2.0",
            architecture="bert",
            model="AutoModel",
            task="feature-extraction",
            ability={"embedding": {"pooling": "mean", "normalize": True, "windows": True}},
            max_tokens=512,
            roles=("relevance",),
        ),
        Recipe(
            id="gpt-neo-125m",
            repo="EleutherAI/gpt-neo-125m",
            revision="21def0189f5705e2521767faed922f1f15e7d7db",
            licence="MIT",
            architecture="gpt_neo",
            model="AutoModel",
            task="feature-extraction",
            ability={"embedding": {"pooling": "last", "normalize": False}},
            max_tokens=2048,
            roles=("gating",),
        ),
        *(
            Recipe(
                id=f"skywork-reward-v2-qwen3-{size.lower()}",
                repo=f"Skywork/Skywork-Reward-V2-Qwen3-{size}",
                revision=None,
                licence="Apache-2.0",
                architecture="qwen3",
                model="AutoModelForSequenceClassification",
                task="text-classification",
                ability=REWARD,
                max_tokens=4096,
                roles=("rlhf", "reciprocate"),
                form=CHAT_TURN,
                dtype=LARGE,
            )
            for size in ("0.6B", "1.7B")
        ),
    )
}
