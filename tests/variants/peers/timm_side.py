"""The other side of `test_pretrained_images.py`, run where timm and torchvision are installed.

`make FOLDER` writes tiny models with random weights, and what timm and torchvision compute with
them: for images of the size that they were made for, and, of timm's ViTs, for those of others.
`check FOLDER` makes a safetensors file of a pickle, as a project says.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

operators = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):  # builds of torchvision for CUDA lack them beside a torch without
    try:
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:
        break  # they are there

import timm  # noqa: E402 - needs these operators
import torchvision  # noqa: E402
from timm.models.resnet import BasicBlock, Bottleneck, ResNet  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402

SIZE = 32
OTHERS = (24, 48)
"""Sizes of images that timm's ViTs are fitted to."""

NARROW = {"channels": (8, 12, 16, 20), "num_classes": 7}
VIT = {"img_size": SIZE, "patch_size": 8, "embed_dim": 48, "num_heads": 3, "num_classes": 5}
GIVEN = {"normalisation": "imagenet"}
MODELS = {  # how it is made, and what an import is told of it
    "timm_basic": (lambda: ResNet(BasicBlock, (1, 2, 1, 1), **NARROW), GIVEN),
    "timm_bottleneck": (lambda: ResNet(Bottleneck, (2, 1, 1, 2), **NARROW), GIVEN),
    "timm_grey": (
        lambda: ResNet(BasicBlock, (1, 1, 1, 1), in_chans=1, **NARROW),
        {"normalisation": "half"},
    ),
    "torchvision_basic": (lambda: torchvision.models.resnet18(num_classes=4), GIVEN),
    "torchvision_bottleneck": (
        lambda: torchvision.models.ResNet(
            torchvision.models.resnet.Bottleneck, [1, 2, 1, 1], num_classes=3, width_per_group=16
        ),
        GIVEN,
    ),
    "torchvision_vit": (
        lambda: torchvision.models.VisionTransformer(
            image_size=SIZE,
            patch_size=4,
            num_layers=3,
            num_heads=2,
            hidden_dim=128,
            mlp_dim=96,
            num_classes=6,
        ),
        GIVEN,
    ),
    "timm_vit": (
        lambda: VisionTransformer(depth=3, **VIT),
        {"normalisation": "half", "heads": "3"},
    ),
    "timm_mean": (
        lambda: VisionTransformer(depth=2, global_pool="avg", init_values=0.3, **VIT),
        {"normalisation": "half", "heads": "3"},
    ),
    "timm_patches": (
        lambda: VisionTransformer(
            depth=2, class_token=False, global_pool="avg", qkv_bias=False, **VIT
        ),
        {"normalisation": "unit", "heads": "3"},
    ),
    "timm_registers": (
        lambda: VisionTransformer(
            depth=2, reg_tokens=4, no_embed_class=True, init_values=0.5, **VIT
        ),
        {"normalisation": "half", "heads": "3"},
    ),
    "timm_headless": (
        lambda: VisionTransformer(depth=1, **{**VIT, "num_classes": 0}),
        {"normalisation": "half", "heads": "3"},
    ),
}
TOLD = "timm_told"
"""A model whose `config.json` says everything."""

NORMALISATIONS = {
    "imagenet": (timm.data.IMAGENET_DEFAULT_MEAN, timm.data.IMAGENET_DEFAULT_STD),
    "half": ((0.5,), (0.5,)),
    "unit": ((0.0,), (1.0,)),
}


def randomise(model: torch.nn.Module) -> torch.nn.Module:
    """Random weights and statistics of norms: biases and norms too, or they would hide."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0, generator=generator)
        elif tensor.is_floating_point():
            fan_in = max(1, tensor[0].numel()) if tensor.dim() > 1 else 10
            tensor.normal_(std=fan_in**-0.5, generator=generator)
            if tensor.dim() == 1 and name.endswith("weight"):
                tensor.add_(1.0)
    return model.eval()


def logits(model: torch.nn.Module, pixels: np.ndarray, mean: tuple, std: tuple) -> np.ndarray:
    """What a model makes of pixels from 0 to 255, channels last."""
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(each)[:, None, None] for each in (mean, std))
    with torch.no_grad():
        return model((images - mean) / std).numpy()


def make(folder: Path) -> None:
    """Write models, pixels and logits."""
    random = np.random.default_rng(0)
    for name, (build, given) in MODELS.items():
        model, channels = randomise(build()), 1 if name == "timm_grey" else 3
        resized = isinstance(model, VisionTransformer)
        (folder / name).mkdir()
        state = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
        save_file(state, folder / name / "weights.safetensors")
        told = given if "heads" in given or "vit" in name else {"image-size": str(SIZE), **given}
        (folder / name / "told.json").write_text(json.dumps(told))
        arrays = {}
        for size in (SIZE, *OTHERS) if resized else (SIZE,):
            model = randomise(build())
            if size != SIZE:
                model.set_input_size(img_size=size)
            pixels = random.integers(0, 256, (3, size, size, channels)).astype(np.uint8)
            arrays[f"pixels_{size}"] = pixels
            mean, std = NORMALISATIONS[given["normalisation"]]
            arrays[f"logits_{size}"] = logits(model, pixels, mean, std)
        np.savez(folder / name / "expected.npz", **arrays)
    torch.save(state, folder / "weights.pt")
    tell(folder / TOLD)


def tell(folder: Path) -> None:
    """Write a model as timm does for others."""
    model = randomise(timm.create_model("resnet18", num_classes=3))
    timm.models.save_for_hf(model, folder, safe_serialization=True)
    cfg = model.pretrained_cfg
    side = cfg["input_size"][-1]
    pixels = np.random.default_rng(1).integers(0, 256, (1, side, side, 3)).astype(np.uint8)
    made = logits(model, pixels, cfg["mean"], cfg["std"])
    np.savez(folder / "expected.npz", **{f"pixels_{side}": pixels, f"logits_{side}": made})
    (folder / "told.json").write_text("{}")


def check(folder: Path) -> None:
    """Carry out the command that a project names for a pickle, word for word."""
    program, *words = shlex.split((folder / "command.txt").read_text())
    assert program == "python"
    subprocess.run([sys.executable, *words], check=True)
    before = torch.load(folder / "weights.pt", weights_only=True)
    after = load_file(folder / "weights.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
