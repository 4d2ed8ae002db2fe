"""What a file of weights does not say of its model: beside it, in timm's `config.json`, or nowhere.

`config.json` is read where it lies beside the weights, as timm writes it. What stands in neither is
the user's to say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import UserError
from ..files import read_json
from .image_names import Recognised

NORMALISATIONS: Final = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5,), (0.5,)),
    "unit": ((0.0,), (1.0,)),
}
"""Mean and standard deviation by a word, of each channel or of all."""

USUAL_SIDE: Final = 224

ARCHITECTURES: Final = {
    "resnet": r"(tv_)?resnet(18|26|34|50|101|152|200)|wide_resnet(50|101)_2",
    "vit": r"(vit|deit|deit3)_\w*patch\d+\w*",
}
"""Names of timm's that are computed as the models of this package,"""

OTHERS: Final = ("clip", "siglip", "quickgelu", "rope", "relpos", "rpn", "distilled")
"""unless one of these stands in them."""

ARGUMENTS: Final = frozenset(
    {
        *("img_size", "patch_size", "in_chans", "num_classes", "embed_dim", "depth", "num_heads"),
        *("mlp_ratio", "qkv_bias", "init_values", "class_token", "reg_tokens", "no_embed_class"),
        *("global_pool", "fc_norm", "layers", "channels", "drop_rate", "drop_path_rate"),
        *("pos_drop_rate", "patch_drop_rate", "proj_drop_rate", "attn_drop_rate", "weight_init"),
        *("dynamic_img_size", "pretrained_cfg", "zero_init_last"),
    }
)
"""Arguments of timm's models that tensors tell as well, or that are read, or make no difference."""

WIDE_HEADS: Final = frozenset({1152, 1280, 1408, 1664})
"""Widths of ViTs with 16 heads; those of the others are 64 wide."""


@dataclass(frozen=True)
class Source:
    """What is known of a published model of images.

    Attributes:
        settings: Settings of the project's model.
        side: Height and width of the images that it was trained on, in pixels.
        lines: What was understood, for people.
    """

    settings: dict[str, Any]
    side: int
    lines: list[str]


def describe(
    found: Recognised,
    config: Mapping[str, Any],
    *,
    normalisation: str | None,
    heads: int | None,
    side: int | None,
) -> Source:
    """Put together what a model's tensors, its `config.json` and the user say.

    Args:
        found: What its tensors say.
        config: The content of `config.json`; nothing without one.
        normalisation: The word for mean and standard deviation that the user gives.
        heads: Attention heads, likewise.
        side: Height and width of images, likewise.

    Raises:
        UserError: Something is not said, or not supported.
    """
    _check(found, config)
    settings = dict(found.settings)
    cfg, arguments = _part(config, "pretrained_cfg"), _part(config, "model_args")
    mean, std, told = _normalisation(cfg, settings["channels"], normalisation)
    settings |= {"mean": mean, "std": std}
    lines = [f"images less {_row(mean)}, divided by {_row(std)} ({told})"]
    if found.kind == "vit":
        settings["num_heads"], told = _heads(settings["d_model"], arguments, heads)
        lines.append(f"{settings['num_heads']} attention heads ({told})")
        if config.get("global_pool") == "avg":
            settings["pool"] = "mean"
        lines.append(f"classes are told from the {_pooled(settings)}")
    stated = found.side or (_numbers(cfg, "input_size") or (0,))[-1]
    pixels, told = (side, "--image-size") if side else (stated, "as it says")
    if not pixels:
        pixels, told = USUAL_SIDE, "the usual size, since it does not say"
    if found.side and pixels != found.side:
        raise UserError(f"--image-size {pixels}: its positions are those of {found.side} pixels")
    lines.append(f"images of {pixels} by {pixels} pixels ({told})")
    return Source(settings, pixels, lines)


def read_beside(path: Path) -> dict[str, Any]:
    """The `config.json` beside a file of weights, if there is one of timm's.

    Raises:
        UserError: It is no JSON object.
    """
    beside = path.parent / "config.json"
    config = read_json(beside) if beside.is_file() else {}
    return config if "architecture" in config else {}


def _check(found: Recognised, config: Mapping[str, Any]) -> None:
    """Refuse what tensors do not show, such as another activation."""
    name = config.get("architecture")
    known = re.fullmatch(ARCHITECTURES[found.kind], str(name))
    if name is not None and (not known or any(word in name for word in OTHERS)):
        raise UserError(f"config.json says that it is {name}, which is not supported")
    for argument in _part(config, "model_args"):
        if argument not in ARGUMENTS:
            raise UserError(f"config.json says model_args.{argument}, which is not supported")
    if (pool := config.get("global_pool")) not in (None, "", "avg", "token"):
        raise UserError(f"config.json says global_pool = {pool!r}, which is not supported")


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of `config.json`; nothing where there is none."""
    part = config.get(name) or {}
    if not isinstance(part, Mapping):
        raise UserError(f"config.json: {name} is no JSON object")
    return part


def _numbers(part: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """A list of numbers in `config.json`; nothing where there is none."""
    numbers = part.get(name) or []
    if not isinstance(numbers, list) or not all(isinstance(each, int | float) for each in numbers):
        raise UserError(f"config.json: {name} is no list of numbers")
    return tuple(numbers)


def _normalisation(
    cfg: Mapping[str, Any], channels: int, word: str | None
) -> tuple[tuple[float, ...], tuple[float, ...], str]:
    if word is not None:
        (mean, std), told = NORMALISATIONS[word], f"--normalisation {word}"
    elif "mean" in cfg and "std" in cfg:
        mean, std, told = _numbers(cfg, "mean"), _numbers(cfg, "std"), "config.json"
    else:
        raise UserError(
            "it does not say how images were normalised for it: give --normalisation imagenet "
            "(torchvision's, and most of timm's ResNets) or half (most of timm's ViTs)"
        )
    if len(mean) != len(std) or len(mean) not in (1, channels):
        raise UserError(f"{told} is for {len(mean)} channels, its weights read {channels}")
    alike = channels // len(mean)
    return mean * alike, std * alike, told


def _heads(width: int, arguments: Mapping[str, Any], given: int | None) -> tuple[int, str]:
    heads = given or arguments.get("num_heads")
    if heads:
        told = "--heads" if given else "config.json"
        if not isinstance(heads, int) or heads < 1 or width % heads:
            raise UserError(f"{told}: {heads} heads do not divide a width of {width}")
        return heads, told
    if width in WIDE_HEADS:
        return 16, "the usual number for its width"
    if width % 64:
        raise UserError(f"it does not say how many attention heads it has: give --heads ({width=})")
    return width // 64, "64 wide, as is usual"


def _pooled(settings: Mapping[str, Any]) -> str:
    return "class token" if settings["pool"] == "token" else "mean over the patches"


def _row(numbers: tuple[float, ...]) -> str:
    return " ".join(f"{number:g}" for number in numbers)
