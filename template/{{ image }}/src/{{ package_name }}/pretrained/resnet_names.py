"""What timm and torchvision call the tensors of residual networks: both the same."""

from .image_names import KERNEL, Recognised, Shapes, classes_of, count, normed, size_of
from .tensors import MATRIX, Tensor


def recognise(shapes: Shapes) -> Recognised | None:
    """A residual network, whose names are the same in timm and torchvision."""
    if "conv1.weight" not in shapes or "layer1.0.conv1.weight" not in shapes:
        return None
    depths = tuple(
        count(shapes, f"layer{stage}.{{}}.conv1.weight")
        for stage in range(1, 1 + count(shapes, "layer{}.0.conv1.weight", 1))
    )
    bottleneck, places = "layer1.0.conv3.weight" in shapes, {"stem": ("conv1", "bn1")}
    last, number = 3 if bottleneck else 2, 0
    for stage, depth in enumerate(depths, start=1):
        for at in range(depth):
            block = f"layer{stage}.{at}."
            for conv in range(last):
                names = (f"{block}conv{conv + 1}", f"{block}bn{conv + 1}")
                places[f"blocks.{number}.convs.{conv}"] = names
            places[f"blocks.{number}.shortcut"] = (f"{block}downsample.0", f"{block}downsample.1")
            number += 1
    tensors = {"head": Tensor("fc.weight", MATRIX), "bias": Tensor("fc.bias")}
    for place, (conv, norm) in places.items():
        tensors[f"{place}.kernel"] = Tensor(f"{conv}.weight", KERNEL)
        tensors |= normed(f"{place}.norm", norm)
        tensors[f"{place}.norm.mean"] = Tensor(f"{norm}.running_mean")
        tensors[f"{place}.norm.var"] = Tensor(f"{norm}.running_var")
    stages = range(1, 1 + len(depths))
    inner = tuple(size_of(shapes, f"layer{stage}.0.conv1.weight", 0) for stage in stages)
    widths = tuple(size_of(shapes, f"layer{stage}.0.conv{last}.weight", 0) for stage in stages)
    blocks = f"{', '.join(map(str, depths))} {'bottleneck' if bottleneck else 'basic'} blocks"
    settings = {
        "channels": size_of(shapes, "conv1.weight", 1),
        "depths": depths,
        "stem": size_of(shapes, "conv1.weight", 0),
        "inner": inner,
        "widths": widths,
        "bottleneck": bottleneck,
    }
    classes = classes_of(shapes, "fc.weight")
    return Recognised("resnet", f"a ResNet of {blocks} has", settings, tensors, classes)
