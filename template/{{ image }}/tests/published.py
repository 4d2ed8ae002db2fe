"""Files of small models of images as they are published, without the libraries that do so."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

CLASSES, SIDE, PATCH, WIDTH, HEADS = 5, 16, 4, 24, 3

Arrays = dict[str, np.ndarray]


def resnet(bottleneck: bool = False) -> Arrays:
    """The tensors of a residual network of two stages."""
    shapes = {"conv1.weight": (8, 3, 7, 7), **_norm("bn1", 8), "fc.bias": (CLASSES,)}
    c_in = 8
    for stage, inner in enumerate((8, 12), start=1):
        block, width = f"layer{stage}.0", 4 * inner if bottleneck else inner
        sizes = [(inner, c_in, 3), (width, inner, 3)]
        if bottleneck:
            sizes = [(inner, c_in, 1), (inner, inner, 3), (width, inner, 1)]
        for number, (c_out, c_in_of, side) in enumerate(sizes, start=1):
            shapes[f"{block}.conv{number}.weight"] = (c_out, c_in_of, side, side)
            shapes |= _norm(f"{block}.bn{number}", c_out)
        if stage > 1 or c_in != width:
            shapes[f"{block}.downsample.0.weight"] = (width, c_in, 1, 1)
            shapes |= _norm(f"{block}.downsample.1", width)
        c_in = width
    arrays = _draw({**shapes, "fc.weight": (CLASSES, c_in)})
    for name in list(arrays):
        if name.endswith("running_var"):
            arrays[name] = 0.5 + np.abs(arrays[name])
            arrays[name.replace("running_var", "num_batches_tracked")] = np.array(7)
    return arrays


def vit() -> Arrays:
    """The tensors of a vision transformer of two layers with a class token, as timm calls them."""
    shapes = {
        "cls_token": (1, 1, WIDTH),
        "pos_embed": (1, 1 + (SIDE // PATCH) ** 2, WIDTH),
        "patch_embed.proj.weight": (WIDTH, 3, PATCH, PATCH),
        "patch_embed.proj.bias": (WIDTH,),
        "norm.weight": (WIDTH,),
        "norm.bias": (WIDTH,),
        "head.weight": (CLASSES, WIDTH),
        "head.bias": (CLASSES,),
    }
    sizes = {"attn.qkv": (3 * WIDTH, WIDTH), "attn.proj": (WIDTH, WIDTH)}
    sizes |= {"mlp.fc1": (32, WIDTH), "mlp.fc2": (WIDTH, 32), "norm1": (WIDTH,), "norm2": (WIDTH,)}
    for layer in range(2):
        for name, size in sizes.items():
            shapes[f"blocks.{layer}.{name}.weight"] = size
            shapes[f"blocks.{layer}.{name}.bias"] = size[:1]
    return _draw(shapes)


def torchvision_vit() -> Arrays:
    """The same as torchvision calls them."""
    names = {
        "cls_token": "class_token",
        "pos_embed": "encoder.pos_embedding",
        "patch_embed.proj": "conv_proj",
        "blocks.": "encoder.layers.encoder_layer_",
        "attn.qkv.": "self_attention.in_proj_",
        "attn.proj": "self_attention.out_proj",
        "mlp.fc1": "mlp.0",
        "mlp.fc2": "mlp.3",
        "norm1": "ln_1",
        "norm2": "ln_2",
    }
    arrays = {}
    for name, array in vit().items():
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        name = name.replace("norm.", "encoder.ln.", 1) if name.startswith("norm.") else name
        arrays[f"heads.{name}" if name.startswith("head.") else name] = array
    return arrays


MODELS = {  # what each is made by, and what an import must be told of it
    "basic": (resnet, ("--normalisation", "imagenet", "--image-size", str(SIDE))),
    "bottleneck": (
        lambda: resnet(bottleneck=True),
        ("--normalisation", "imagenet", "--image-size", str(SIDE)),
    ),
    "vit": (vit, ("--normalisation", "half", "--heads", str(HEADS))),
}


def publish(path: Path, arrays: Arrays) -> Path:
    """Write a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(arrays, path)
    return path


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    ends = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{end}": (width,) for end in ends}


def _draw(shapes: dict[str, tuple[int, ...]]) -> Arrays:
    random = np.random.default_rng(0)
    return {name: random.normal(0, 0.2, size).astype(np.float32) for name, size in shapes.items()}
