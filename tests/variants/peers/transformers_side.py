"""The other side of `test_pretrained.py`, run where transformers is installed, and this is not.

`make FOLDER` writes tiny models with random weights, and what transformers computes with them.
`check FOLDER` reads what a project has exported, and computes it again.
"""

import sys
from pathlib import Path

import numpy as np
import peft
import torch
import transformers
from safetensors.torch import load_file

SIZES = {
    "vocab_size": 267,  # divides by no number of devices
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 256,
    "eos_token_id": None,
    "pad_token_id": 257,
}
LENGTH, SHORT, NEW = 48, 20, 64
LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
YARN = {"beta_fast": 4.0, "beta_slow": 0.5, "original_max_position_embeddings": 16}


def scaled(kind: str, **more: float) -> dict:
    """Rotary positions that are stretched."""
    return {"rope_type": kind, "rope_theta": 500.0, "factor": 4.0, **more}


MODELS = {
    "llama2": ("LlamaConfig", {"num_key_value_heads": 4}),
    "llama3": (
        "LlamaConfig",
        {
            "tie_word_embeddings": True,
            "attention_bias": True,
            "mlp_bias": True,
            "rope_parameters": scaled("llama3", **LLAMA3),
        },
    ),
    "dynamic": (
        "LlamaConfig",
        {"rope_parameters": scaled("dynamic"), "max_position_embeddings": 16},
    ),
    "mistral": ("MistralConfig", {"sliding_window": 8, "head_dim": 16}),
    "qwen2": (
        "Qwen2Config",
        {
            "use_sliding_window": True,
            "sliding_window": 8,
            "max_window_layers": 2,
            "tie_word_embeddings": True,
            "rope_parameters": scaled("yarn", **YARN),
        },
    ),
    "qwen3": ("Qwen3Config", {"head_dim": 12, "attention_bias": True}),
    "gemma2": (
        "Gemma2Config",
        {
            "head_dim": 12,
            "sliding_window": 8,
            "query_pre_attn_scalar": 20,
            "attn_logit_softcapping": 2.0,
            "final_logit_softcapping": 3.0,
        },
    ),
    "gemma3": (
        "Gemma3TextConfig",
        {
            "head_dim": 12,
            "sliding_window": 8,
            "query_pre_attn_scalar": 20,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
            "rope_parameters": {
                "full_attention": scaled("linear"),
                "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
            },
        },
    ),
    "smollm3": (
        "SmolLM3Config",
        {"no_rope_layers": [1, 0, 1], "use_sliding_window": True, "sliding_window": 8},
    ),
}
DTYPES = {"qwen3": torch.bfloat16, "qwen2": torch.float16}
SHARDED = {"gemma2"}
BASE = "llama3"
"""What LoRA adapts."""


def make(folder: Path) -> None:
    """Write models, tokens and what is computed with them."""
    tokens = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, LENGTH)))
    for number, (name, (kind, more)) in enumerate(MODELS.items()):
        torch.manual_seed(number)
        config = getattr(transformers, kind)(**{**SIZES, **more}, attn_implementation="eager")
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        for parameter in model.parameters():  # biases and norms too, or they would hide
            torch.nn.init.normal_(parameter, std=0.3)
        model = model.to(DTYPES.get(name, torch.float32))
        size = "40KB" if name in SHARDED else "5GB"
        model.save_pretrained(folder / name, max_shard_size=size)
        model = load(folder / name)  # its frequencies were rounded as well
        with torch.no_grad():
            made = {**outputs(model, tokens), "greedy": continued(model, tokens)}
        np.savez(folder / f"{name}.npz", tokens=tokens.numpy(), **made)


def load(folder: Path) -> transformers.PreTrainedModel:
    """A model as others load it, in float32."""
    options = {"dtype": torch.float32, "attn_implementation": "eager"}
    return transformers.AutoModelForCausalLM.from_pretrained(folder, **options)


def outputs(model: transformers.PreTrainedModel, tokens: torch.Tensor) -> dict[str, np.ndarray]:
    """Logits of all tokens, of the first ones alone, and of those behind them."""
    # Whole sequences first: dynamic scaling remembers the longest one that it has seen.
    given = {"logits": tokens, "first": tokens[:, :SHORT], "rest": tokens[:, SHORT:]}
    return {name: model(part).logits.numpy() for name, part in given.items()}


def continued(model: transformers.PreTrainedModel, tokens: torch.Tensor) -> np.ndarray:
    """The likeliest tokens after the first ones."""
    greedy = {"max_new_tokens": NEW, "do_sample": False, "pad_token_id": 257}
    return model.generate(tokens[:, :SHORT], **greedy)[:, SHORT:].numpy()


@torch.no_grad()
def check(folder: Path) -> None:
    """Load what was exported, and compare it with what was imported or computed."""
    for name in MODELS:
        expected = np.load(folder / f"{name}.npz")
        tokens = torch.from_numpy(expected["tokens"])
        logits = load(folder / "exported" / name)(tokens).logits.numpy()
        np.testing.assert_array_equal(logits, expected["logits"], name)
        before, after = (read(path / name) for path in (folder, folder / "exported"))
        assert before.keys() == after.keys(), name
        for tensor, value in before.items():
            assert value.dtype == after[tensor].dtype, (name, tensor)
            assert torch.equal(value, after[tensor]), (name, tensor)
    for name in ("own", "lora"):
        expected = np.load(folder / f"{name}.npz")
        tokens = torch.from_numpy(expected["tokens"])
        close(load(folder / "exported" / name)(tokens).logits, expected["logits"])
    adapted = peft.PeftModel.from_pretrained(load(folder / BASE), folder / "exported" / "adapter")
    close(adapted(tokens).logits, expected["logits"])

    expected = np.load(folder / "own.npz")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "exported" / "own")
    assert tokenizer(str(expected["text"])).input_ids == expected["ids"].tolist()
    ends = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert ends == (256, 256, 257)


def close(found: torch.Tensor, expected: np.ndarray) -> None:
    """Compare logits, by how large they are."""
    assert np.abs(found.numpy() - expected).max() <= 1e-4 * np.abs(expected).max()


def read(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a model."""
    files = sorted(folder.glob("*.safetensors"))
    return {key: value for file in files for key, value in load_file(file).items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
