"""Which model a file holds, or which it holds that is not supported."""

from typing import Final

from ..errors import UserError
from . import resnet_names, vit_names
from .image_names import Recognised, Shapes, size_of

FOREIGN: Final = {
    "conv1.0.weight": "a ResNet with a deep stem, as resnet50d has",
    "layer1.0.se.": "an SE-ResNet",
    "head_dist.weight": "a distilled DeiT",
    "norm_pre.weight": "a ViT of CLIP",
    "attn_pool.latent": "a ViT of SigLIP",
    "rope.": "a ViT with rotary positions",
    "layers.0.blocks.0.attn.relative_position_bias_table": "a Swin transformer",
    "features.1.0.attn.relative_position_bias_table": "a Swin transformer",
    "stages.0.blocks.0.conv_dw.weight": "a ConvNeXt",
    "features.1.0.layer_scale": "a ConvNeXt",
    "conv_stem.weight": "an EfficientNet or MobileNet",
    "features.denseblock1.denselayer1.conv1.weight": "a DenseNet",
    "features.0.0.weight": "an EfficientNet, MobileNet or ConvNeXt",
    "features.0.weight": "a VGG or AlexNet",
    "s1.b1.conv1.conv.weight": "a RegNet",
    "vit.embeddings.cls_token": "a ViT of transformers",
    "vision_model.": "a vision tower of transformers",
}
"""Beginnings of names of tensors that tell other architectures, and what these are called."""


def recognise(shapes: Shapes) -> Recognised:
    """The model whose tensors have these names and shapes.

    Raises:
        UserError: It is none that is supported.
    """
    told = (FOREIGN[start] for start in FOREIGN for name in shapes if name.startswith(start))
    foreign, found = next(told, None), resnet_names.recognise(shapes) or vit_names.recognise(shapes)
    if found is None or foreign is not None:
        what = foreign or f"a model with tensors {', '.join(sorted(shapes)[:3])}"
        raise UserError(
            f"it holds {what}, which is not supported, only ResNet (basic and bottleneck blocks) "
            "and ViT by the names of timm and torchvision"
        )
    if found.kind == "resnet":
        together = size_of(shapes, "layer1.0.conv2.weight", 1)
        if together < found.settings["inner"][0]:
            raise UserError("it holds a ResNeXt (grouped convolutions), which is not supported")
    return found
