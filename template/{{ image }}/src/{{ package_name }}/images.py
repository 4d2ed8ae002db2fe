"""Image files as arrays of pixels, channels last."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from .errors import UserError

Pixels = UInt8[np.ndarray, "height width channels"]
Shape = tuple[int, int, int]  # height, width, channels

_AT_ONCE = 64  # files that are decoded together


class Picture(NamedTuple):
    """An image file as it is used.

    Attributes:
        pixels: Resized and cropped.
        digest: SHA-256 of the image in its own size: equal for equal images, whatever their format.
    """

    pixels: Pixels
    digest: bytes


def load_all(paths: Sequence[Path], shape: Shape) -> Iterator[Picture]:
    """Read image files in their order, on all processor cores; see `load`."""
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(paths), _AT_ONCE):
            some = paths[start : start + _AT_ONCE]
            yield from pool.map(lambda path: load(path, shape), some)


def load(path: Path, shape: Shape) -> Picture:
    """Read an image file (of a moving image the first frame) and bring it to a common size.

    It is turned upright as the camera noted it, and scaled until it covers the wanted size; what
    sticks out on two sides is cut off. Transparent parts become white.

    Args:
        path: A file in any format that Pillow reads.
        shape: Height, width and channels: 3 for red, green and blue, 1 for grey.

    Raises:
        UserError: The file is no image, or damaged, or its pixels have more than 16 bits.
    """
    height, width, channels = shape
    try:
        with Image.open(path) as file:
            image = _rgb(ImageOps.exif_transpose(file))
    except Exception as error:  # damage to a file can surface as anything
        raise UserError(f"{path} cannot be read as an image: {_reason(error)}") from error
    digest = hashlib.sha256(f"{image.size}".encode() + image.tobytes()).digest()
    if channels == 1:
        image = image.convert("L")
    image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    return Picture(np.asarray(image).reshape(shape), digest)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError("it has more than 16 bits in a pixel; save it with 8")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "its format is unknown"
    return getattr(error, "strerror", None) or str(error).partition("\n")[0] or repr(error)
