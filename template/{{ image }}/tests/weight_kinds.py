"""Files of weights as people have them: how each is made, and what `import` makes of it."""

import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from . import published
from .published import Arrays

IMAGENET = ("--normalisation", "imagenet", "--image-size", "16")
HALF = ("--normalisation", "half", "--heads", "3")
VIT = {"architecture": "vit_tiny_patch16_224"}
CFG = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "input_size": [3, 16, 16]}


def ones(*shape: int) -> np.ndarray:
    """A tensor."""
    return np.ones(shape, np.float32)


def made(
    make: Callable[[], Arrays],
    change: Callable[[Arrays], object] = lambda _: None,
    config: dict[str, Any] | None = None,
) -> Callable[[Path], None]:
    """Writes a file of tensors with changes, and `config.json` beside it."""

    def write(folder: Path) -> None:
        arrays = make()
        change(arrays)
        published.publish(folder / "weights.safetensors", arrays)
        if config is not None:
            (folder / "config.json").write_text(json.dumps(config))

    return write


def renamed(old: str, new: str) -> Callable[[Arrays], object]:
    """A tensor has another name."""
    return lambda arrays: arrays.update({new: arrays.pop(old)})


def only(name: str) -> Callable[[], Arrays]:
    """A file with one tensor."""
    return lambda: {name: ones(3)}


def content(name: str, what: bytes) -> Callable[[Path], None]:
    """Writes a file that holds no tensors."""

    def write(folder: Path) -> None:
        (folder / name).write_bytes(what)

    return write


def pooled(arrays: Arrays) -> None:
    """Without a class token: the mean over patches is normed."""
    arrays.pop("cls_token")
    arrays["pos_embed"] = arrays["pos_embed"][:, 1:]
    for end in ("weight", "bias"):
        renamed(f"norm.{end}", f"fc_norm.{end}")(arrays)


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        name: What people would call it.
        write: Makes the file in a folder.
        words: What `import` is told beside ``--source`` and ``--output``.
        says: What it prints, or the error, holds.
        fails: Whether it is refused.
        file: Name of the file.
    """

    name: str
    write: Callable[[Path], None]
    words: Sequence[str] = ()
    says: Sequence[str] = ()
    fails: bool = False
    file: str = "weights.safetensors"


RESNET, DEEPER = published.resnet, lambda: published.resnet(bottleneck=True)
NOT = "which is not supported"

KINDS = (
    Kind("a ResNet with basic blocks", made(RESNET), IMAGENET, ["ResNet of 1, 1 basic", "0.485"]),
    Kind("a ResNet with bottlenecks", made(DEEPER), IMAGENET, ["1, 1 bottleneck blocks"]),
    Kind("a ViT by timm's names", made(published.vit), HALF, ["a ViT of 2 layers", "3 attention"]),
    Kind(
        "a ViT by torchvision's names",
        made(published.torchvision_vit),
        HALF,
        ["a ViT of 2 layers", "the class token"],
    ),
    Kind("a ViT without a class token", made(published.vit, pooled), HALF, ["mean over the patch"]),
    Kind(
        "a ViT with registers and layer scale",
        made(
            published.vit,
            lambda arrays: arrays.update(
                {
                    f"blocks.{layer}.ls{branch}.gamma": ones(24)
                    for layer in (0, 1)
                    for branch in (1, 2)
                }
                | {"reg_token": ones(1, 4, 24), "pos_embed": ones(1, 16, 24)}
            ),
        ),
        HALF,
        ["a ViT of 2 layers", "16 by 16 pixels"],
    ),
    Kind(
        "a model without a head",
        made(RESNET, lambda arrays: [arrays.pop("fc.weight"), arrays.pop("fc.bias")]),
        IMAGENET,
        ["no head: one of zeros"],
    ),
    Kind(
        "bfloat16",
        made(
            published.vit,
            lambda arrays: arrays.update(
                {name: array.astype(jnp.bfloat16) for name, array in arrays.items()}
            ),
        ),
        HALF,
        ["parameters in bfloat16"],
    ),
    Kind(
        "`config.json` of timm's beside it",
        made(
            published.vit,
            config={
                **VIT,
                "pretrained_cfg": CFG,
                "global_pool": "avg",
                "model_args": {"num_heads": 3},
            },
        ),
        (),
        ["0.1 0.2 0.3", "3 attention heads", "mean over the patches"],
    ),
    Kind(
        "a file that does not say its normalisation",
        made(RESNET),
        (),
        ["weights.safetensors: it does not say how images were normalised", "give --normalisation"],
        fails=True,
    ),
    Kind(
        "a ViT of an unusual width without `--heads`",
        made(published.vit),
        ("--normalisation", "half"),
        ["how many attention heads it has: give --heads"],
        fails=True,
    ),
    Kind(
        "`--heads` that do not divide its width",
        made(published.vit),
        ("--normalisation", "half", "--heads", "5"),
        ["--heads: 5 heads do not divide a width of 24"],
        fails=True,
    ),
    Kind(
        "`--image-size` against a ViT's positions",
        made(published.vit),
        (*HALF, "--image-size", "32"),
        ["--image-size 32: its positions are those of 16 pixels"],
        fails=True,
    ),
    Kind(
        "a tensor that is missing",
        made(RESNET, lambda arrays: arrays.pop("layer1.0.bn2.running_var")),
        IMAGENET,
        ["weights.safetensors lacks tensor layer1.0.bn2.running_var"],
        fails=True,
    ),
    Kind(
        "one that tells a size is missing",
        made(RESNET, lambda arrays: arrays.pop("layer1.0.conv2.weight")),
        IMAGENET,
        ["it lacks tensor layer1.0.conv2.weight"],
        fails=True,
    ),
    Kind(
        "a tensor too many",
        made(RESNET, lambda arrays: arrays.update({"fc.scale": ones(1)})),
        IMAGENET,
        ["has, beyond what a ResNet of 1, 1 basic blocks has, tensor fc.scale"],
        fails=True,
    ),
    Kind(
        "a tensor of another shape",
        made(RESNET, lambda arrays: arrays.update({"fc.bias": ones(4)})),
        IMAGENET,
        ["tensor fc.bias is (4,), where a ResNet of 1, 1 basic blocks has (5,)"],
        fails=True,
    ),
    Kind(
        "positions of no square image",
        made(published.vit, lambda arrays: arrays.update({"pos_embed": ones(1, 14, 24)})),
        HALF,
        ["the 14 positions of its pos_embed are those of no square image"],
        fails=True,
    ),
    Kind(
        "resnet50d",
        made(RESNET, renamed("conv1.weight", "conv1.0.weight")),
        IMAGENET,
        [f"holds a ResNet with a deep stem, as resnet50d has, {NOT}"],
        fails=True,
    ),
    Kind(
        "ResNeXt",
        made(RESNET, lambda arrays: arrays.update({"layer1.0.conv2.weight": ones(8, 2, 3, 3)})),
        IMAGENET,
        [f"holds a ResNeXt (grouped convolutions), {NOT}"],
        fails=True,
    ),
    Kind(
        "SE-ResNet",
        made(RESNET, lambda arrays: arrays.update({"layer1.0.se.fc1.weight": ones(2, 8)})),
        IMAGENET,
        [f"holds an SE-ResNet, {NOT}"],
        fails=True,
    ),
    Kind(
        "EfficientNet",
        made(only("conv_stem.weight")),
        (),
        [f"holds an EfficientNet or MobileNet, {NOT}"],
        fails=True,
    ),
    Kind(
        "another model",
        made(only("w1")),
        (),
        [f"holds a model with tensors w1, {NOT}"],
        fails=True,
    ),
    Kind(
        "a ViT of CLIP, by its `config.json`",
        made(published.vit, config={"architecture": "vit_base_patch16_clip_224"}),
        HALF,
        [f"it is vit_base_patch16_clip_224, {NOT}"],
        fails=True,
    ),
    Kind(
        "a ResNet's `config.json` beside a ViT",
        made(published.vit, config={"architecture": "resnet50"}),
        HALF,
        [f"it is resnet50, {NOT}"],
        fails=True,
    ),
    Kind(
        "an argument in `config.json` that is not known",
        made(published.vit, config={**VIT, "model_args": {"qk_norm": True}}),
        HALF,
        [f"model_args.qk_norm, {NOT}"],
        fails=True,
    ),
    Kind(
        "`global_pool` that is not known",
        made(published.vit, config={**VIT, "global_pool": "max"}),
        HALF,
        [f"global_pool = 'max', {NOT}"],
        fails=True,
    ),
    Kind(
        "a mean in `config.json` that is no list",
        made(published.vit, config={**VIT, "pretrained_cfg": {"mean": "x", "std": [1]}}),
        (),
        ["config.json: mean is no list of numbers"],
        fails=True,
    ),
    Kind(
        "`.bin`, a pickle",
        content("weights.bin", pickle.dumps([1])),
        (),
        ["is a pickle, which can run any code when it is read"],
        fails=True,
        file="weights.bin",
    ),
    Kind(
        "`.pt`, a zip archive of pickles",
        content("weights.pt", b"PK\x03\x04..."),
        (),
        ['make another file of it: python -c "import torch'],
        fails=True,
        file="weights.pt",
    ),
    Kind(
        "a damaged file",
        content("weights.safetensors", b"no weights at all"),
        (),
        ["is no intact safetensors file"],
        fails=True,
    ),
    Kind("no file", lambda _: None, (), ["is not there: give a safetensors file"], fails=True),
)
