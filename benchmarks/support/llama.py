"""Models in the form of Llama, of any size, with random weights."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """How large a model is."""

    width: int
    inner: int
    heads: int
    layers: int
    vocabulary: int


def config(sizes: Sizes) -> dict[str, object]:
    """The content of `config.json`."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": sizes.vocabulary,
        "hidden_size": sizes.width,
        "intermediate_size": sizes.inner,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": None,
    }


def shapes(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """The shapes of its tensors by their names."""
    width, inner = sizes.width, sizes.inner
    made = {"model.embed_tokens.weight": (sizes.vocabulary, width), "model.norm.weight": (width,)}
    layer = {
        "input_layernorm": (width,),
        "post_attention_layernorm": (width,),
        **{f"self_attn.{name}_proj": (width, width) for name in "qkvo"},
        "mlp.gate_proj": (inner, width),
        "mlp.up_proj": (inner, width),
        "mlp.down_proj": (width, inner),
    }
    for number in range(sizes.layers):
        made |= {f"model.layers.{number}.{name}.weight": shape for name, shape in layer.items()}
    return made
