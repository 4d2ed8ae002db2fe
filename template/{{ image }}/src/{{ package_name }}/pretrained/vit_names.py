"""What timm and torchvision call the tensors of vision transformers."""

import math
from collections.abc import Mapping
from typing import Any, Final

from ..errors import UserError
from .image_names import KERNEL, Recognised, Shapes, classes_of, count, normed, size_of
from .tensors import MATRIX, Tensor

ROWS: Final = ((), (0,), (1,))
INTO_HEADS: Final = ((1, 2, 3), (0,))
HEADS: Final = ((0, 1, 2),)
OUT_OF_HEADS: Final = ((2,), (0, 1))
"""For each axis of a tensor in a file, the axes of ours that are merged in it."""

TIMM: Final = {
    "embedding": Tensor("patch_embed.proj.weight", KERNEL),
    "embedding_bias": Tensor("patch_embed.proj.bias"),
    "class_token": Tensor("cls_token", ROWS),
    "registers": Tensor("reg_token", ROWS),
    "positions": Tensor("pos_embed", ROWS),
    "head": Tensor("head.weight", MATRIX),
    "bias": Tensor("head.bias"),
}
TIMM_BLOCK: Final = {
    "attention_norm": "norm1",
    "attention": ("attn.qkv.weight", "attn.qkv.bias", "attn.proj"),
    "feed_forward_norm": "norm2",
    "up": "mlp.fc1",
    "down": "mlp.fc2",
}
TORCHVISION: Final = {
    "embedding": Tensor("conv_proj.weight", KERNEL),
    "embedding_bias": Tensor("conv_proj.bias"),
    "class_token": Tensor("class_token", ROWS),
    "positions": Tensor("encoder.pos_embedding", ROWS),
    "head": Tensor("heads.head.weight", MATRIX),
    "bias": Tensor("heads.head.bias"),
}
TORCHVISION_BLOCK: Final = {
    "attention_norm": "ln_1",
    "attention": (
        "self_attention.in_proj_weight",
        "self_attention.in_proj_bias",
        "self_attention.out_proj",
    ),
    "feed_forward_norm": "ln_2",
    "up": "mlp.0",
    "down": "mlp.3",
}


def recognise(shapes: Shapes) -> Recognised | None:
    """A vision transformer by the names of timm or torchvision; its heads are not told."""
    timm, torchvision = "pos_embed" in shapes, "encoder.pos_embedding" in shapes
    if not timm and not torchvision:
        return None
    top, names = (TIMM, TIMM_BLOCK) if timm else (TORCHVISION, TORCHVISION_BLOCK)
    block = "blocks.{}." if timm else "encoder.layers.encoder_layer_{}."
    patch, width = top["embedding"].name, size_of(shapes, top["positions"].name, 2)
    if len(shapes.get(patch, ())) != 4 or f"{block.format(0)}{names['up']}.weight" not in shapes:
        return None
    layers = count(shapes, f"{block}{names['attention_norm']}.weight")
    norm_last = "fc_norm.weight" in shapes
    norm = "fc_norm" if norm_last else "norm" if timm else "encoder.ln"
    tensors = {**top, **normed("norm", norm)}
    for number in range(layers):
        tensors |= _block(f"blocks.{number}", block.format(number), names)
    registers = size_of(shapes, "reg_token", 1) if "reg_token" in shapes else 0
    class_token = top["class_token"].name in shapes
    others, size = registers + class_token, size_of(shapes, patch, 2)
    positions = size_of(shapes, top["positions"].name, 1)
    alone = not is_square(positions - others)
    patches = positions if alone else positions - others
    if not is_square(patches):
        raise UserError(
            f"the {positions} positions of its {top['positions'].name} are those of no square image"
        )
    settings = {
        "channels": size_of(shapes, patch, 1),
        "patch": size,
        "d_model": width,
        "num_layers": layers,
        "d_ff": size_of(shapes, f"{block.format(0)}{names['up']}.weight", 0),
        "qkv_bias": f"{block.format(0)}{names['attention'][1]}" in shapes,
        "layer_scale": f"{block.format(0)}ls1.gamma" in shapes,
        "class_token": class_token,
        "registers": registers,
        "patches_alone": alone,
        "pool": "token" if class_token and not norm_last else "mean",
        "norm_last": norm_last,
    }
    told = f"a ViT of {layers} layers of width {width} has"
    classes = classes_of(shapes, top["head"].name)
    side = math.isqrt(patches) * size
    return Recognised("vit", told, settings, tensors, classes, side)


def is_square(count: int) -> bool:
    """Whether so many patches can be those of a square image."""
    return count > 0 and math.isqrt(count) ** 2 == count


def _block(ours: str, theirs: str, names: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of one block of a transformer."""
    qkv, qkv_bias, out = names["attention"]
    tensors = {
        f"{ours}.attention.qkv": Tensor(f"{theirs}{qkv}", INTO_HEADS),
        f"{ours}.attention.qkv_bias": Tensor(f"{theirs}{qkv_bias}", HEADS),
        f"{ours}.attention.out": Tensor(f"{theirs}{out}.weight", OUT_OF_HEADS),
        f"{ours}.attention.out_bias": Tensor(f"{theirs}{out}.bias"),
        f"{ours}.attention_scale.scale": Tensor(f"{theirs}ls1.gamma"),
        f"{ours}.feed_forward_scale.scale": Tensor(f"{theirs}ls2.gamma"),
    }
    for name in ("attention_norm", "feed_forward_norm"):
        tensors |= normed(f"{ours}.{name}", f"{theirs}{names[name]}")
    for name in ("up", "down"):
        tensors[f"{ours}.{name}.weight"] = Tensor(f"{theirs}{names[name]}.weight", MATRIX)
        tensors[f"{ours}.{name}.bias"] = Tensor(f"{theirs}{names[name]}.bias")
    return tensors
