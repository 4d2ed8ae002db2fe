"""Image files, their bytes, or arrays of pixels as images that can be worked on.

Pillow reads what has 8 bits in a channel and at most four of these. Other TIFF files need tifffile,
and HEIC files pillow-heif, which are loaded only then.
"""

import contextlib
import importlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped, UInt8, UInt16
from PIL import Image, ImageOps

Bands = UInt8[np.ndarray, "height width channels"] | UInt16[np.ndarray, "height width channels"]
Pixels = Shaped[np.ndarray, "..."]
Content = Path | bytes | Pixels
"""A file, what a file holds, or pixels: grey ones without an axis of channels, or channels last."""

_ORIENTATION = 0x0112  # where EXIF says how the camera was held
_BITS, _PHOTOMETRIC, _SAMPLES = 258, 262, 277  # tags of TIFF
_RGB = 2  # a photometric interpretation
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEIF = (b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1")


class Look(NamedTuple):
    """What an image is before its pixels are read.

    Attributes:
        height: Of the upright image.
        width: The same.
        channels: 1 for grey, 3 for colour, whatever way it is stored, and otherwise how many bands.
        bits: 8 or 16, those of a channel.
        kind: Format and mode, for a reader.
    """

    height: int
    width: int
    channels: int
    bits: int
    kind: str


def look(content: Content) -> Look:
    """What an image is, from the head of its file alone.

    Raises:
        Exception: Damage to a file can surface as anything.
    """
    with _opened(content) as image:
        if isinstance(image, np.ndarray):
            height, width, channels = image.shape
            kind = f"{8 * image.itemsize}-bit, {channels} channel{'s' * (channels > 1)}"
            return Look(height, width, channels, 8 * image.itemsize, kind)
        width, height = image.size
        if image.getexif().get(_ORIENTATION, 1) > 4:
            height, width = width, height
        deep = _is_deep(image)
        kind = f"{image.format or 'array'} {image.mode}"
        if image.has_transparency_data:
            kind += " with transparency"
        return Look(height, width, 1 if deep else _channels(image), 16 if deep else 8, kind)


@contextlib.contextmanager
def decoded(content: Content) -> Iterator[Image.Image | Bands]:
    """An image that stands upright; as an array if Pillow has no mode for it.

    Of a moving image it is the first frame.

    Raises:
        Exception: Damage to a file can surface as anything.
    """
    with _opened(content) as image:
        if isinstance(image, np.ndarray):
            yield image
            return
        upright = ImageOps.exif_transpose(image)
        if not _is_deep(upright):
            yield upright
            return
        pixels = np.asarray(upright)
        if pixels.dtype.kind == "f" or pixels.min() < 0 or pixels.max() >= 2**16:
            raise ValueError("it has more than 16 bits in a pixel; save it with 8 or 16")
        yield pixels.astype(np.uint16)[..., None]


def bands_of(pixels: Pixels) -> Bands:
    """Pixels as an array with an axis of channels.

    Raises:
        ValueError: They are none of an image.
    """
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"its pixels are {pixels.dtype}; save them as uint8 or uint16")
    if pixels.ndim not in (2, 3) or not pixels.size:
        raise ValueError(f"an array of shape {pixels.shape} is no image")
    return pixels.reshape(*pixels.shape[:2], -1).astype(pixels.dtype.newbyteorder("="), copy=False)


@contextlib.contextmanager
def _opened(content: Content) -> Iterator[Image.Image | Bands]:
    if isinstance(content, np.ndarray):
        bands = bands_of(content)
        if bands.dtype == np.uint8 and bands.shape[2] in (1, 3):
            yield Image.fromarray(bands[..., 0] if bands.shape[2] == 1 else bands)
        else:
            yield bands
        return
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    with _pillow(file) as image:
        if image is not None:
            yield image
            return
    yield _read_tiff(file)


@contextlib.contextmanager
def _pillow(file: Path | io.BytesIO) -> Iterator[Image.Image | None]:
    """The image as Pillow opens it; None for a TIFF file that Pillow reads not at all, or worse."""
    try:
        image = Image.open(file)
    except Image.UnidentifiedImageError:
        head = _head(file)
        if head.startswith(_TIFF):
            yield None
            return
        if head[4:8] != b"ftyp" or head[8:12] not in _HEIF:
            raise
        _package("pillow_heif", "pillow-heif").register_heif_opener()
        image = Image.open(file)
    with image:
        yield None if _loses_bands(image) else image


def _loses_bands(image: Image.Image) -> bool:
    """Whether Pillow would pass over some bands of a TIFF file, or over half of their bits."""
    tags: Any = getattr(image, "tag_v2", {})
    bits, samples = tags.get(_BITS, ()), tags.get(_SAMPLES, 1)
    deep = len(bits) > 1 and max(bits) > 8
    return deep or (tags.get(_PHOTOMETRIC) != _RGB and samples > len(image.getbands()))


def _read_tiff(file: Path | io.BytesIO) -> Bands:
    tifffile = _package("tifffile", "tifffile")
    if isinstance(file, io.BytesIO):
        file.seek(0)
    with tifffile.TiffFile(file) as opened:
        page = opened.pages[0]
        pixels = page.asarray()
        return bands_of(np.moveaxis(pixels, 0, -1) if page.axes == "SYX" else pixels)


def _package(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ValueError(f"that needs the package {name}: run `uv add {name}`") from error


def _head(file: Path | io.BytesIO) -> bytes:
    if isinstance(file, io.BytesIO):
        return file.getvalue()[:16]
    with file.open("rb") as opened:
        return opened.read(16)


def _is_deep(image: Image.Image) -> bool:
    """Whether it has more than 8 bits in a channel, of which there is one then."""
    return image.mode[0] in "IF"


def _channels(image: Image.Image) -> int:
    return 1 if image.mode in ("1", "L", "LA", "La") else 3
