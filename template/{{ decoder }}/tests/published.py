"""Folders of small models as they are published, without the libraries that publish them."""

import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

LAYERS, WIDTH, INNER, HEADS, KV_HEADS, D_HEAD, VOCABULARY = 3, 32, 48, 4, 2, 8, 267
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500.0,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
}
DTYPES = {
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(jnp.bfloat16),
}

Arrays = dict[str, np.ndarray]


def tensors(dtype: str = "float32") -> Arrays:
    """The tensors of the model that `CONFIG` describes, random numbers."""
    shapes = {
        "model.embed_tokens.weight": (VOCABULARY, WIDTH),
        "lm_head.weight": (VOCABULARY, WIDTH),
        "model.norm.weight": (WIDTH,),
    }
    for number in range(LAYERS):
        layer = f"model.layers.{number}"
        shapes |= {
            f"{layer}.input_layernorm.weight": (WIDTH,),
            f"{layer}.post_attention_layernorm.weight": (WIDTH,),
            f"{layer}.self_attn.q_proj.weight": (HEADS * D_HEAD, WIDTH),
            f"{layer}.self_attn.k_proj.weight": (KV_HEADS * D_HEAD, WIDTH),
            f"{layer}.self_attn.v_proj.weight": (KV_HEADS * D_HEAD, WIDTH),
            f"{layer}.self_attn.o_proj.weight": (WIDTH, HEADS * D_HEAD),
            f"{layer}.mlp.gate_proj.weight": (INNER, WIDTH),
            f"{layer}.mlp.up_proj.weight": (INNER, WIDTH),
            f"{layer}.mlp.down_proj.weight": (WIDTH, INNER),
        }
    random = np.random.default_rng(0)
    return {name: random.normal(size=shape).astype(DTYPES[dtype]) for name, shape in shapes.items()}


def publish(folder: Path, arrays: Arrays, *, files: int = 1, **changes: Any) -> Path:
    """Write a folder: `config.json` with changes (None leaves a key out), and tensors in files."""
    folder.mkdir(parents=True)
    config = {name: value for name, value in {**CONFIG, **changes}.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))
    if files == 1:
        save_file(arrays, folder / "model.safetensors")
        return folder
    names, places = sorted(arrays), {}
    for at in range(files):
        file = f"model-{at + 1:05}-of-{files:05}.safetensors"
        save_file({name: arrays[name] for name in names[at::files]}, folder / file)
        places |= dict.fromkeys(names[at::files], file)
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder
