"""Images brought to a common size, number of channels, and depth."""

import contextlib
import hashlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Int64, Shaped
from PIL import Image, ImageOps

from .decoding import Bands, Content, decoded
from .folders import Item

Pixels = Shaped[np.ndarray, "height width channels"]  # of uint8 or uint16
T = TypeVar("T")

_AT_ONCE = 32  # images that are decoded together
_MANY = 8000  # images that are worth starting processes for
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's


class Form(NamedTuple):
    """What images are brought to.

    Attributes:
        height: Rows of pixels.
        width: Columns of pixels.
        channels: 1 for grey, 2 with transparency; 3 for red, green and blue, 4 with transparency;
            or as many bands.
        bits: Of a channel, 8 or 16.
    """

    height: int
    width: int
    channels: int
    bits: int = 8

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the pixels of an image."""
        return self[:3]

    @property
    def most(self) -> int:
        """The largest value of a pixel."""
        return 2**self.bits - 1

    @property
    def said(self) -> str:
        """The form for a reader."""
        kinds = {1: "grey", 2: "grey with transparency", 3: "colour", 4: "colour with transparency"}
        kind = kinds.get(self.channels, f"{self.channels} bands")
        deep = ", 16 bits a channel" if self.bits == 16 else ""
        return f"images of {self.height} by {self.width} pixels, {kind}{deep}"


class Picture(NamedTuple):
    """An image as it is used.

    Attributes:
        pixels: Resized and cropped.
        digest: SHA-256 of the image in its own size: equal for equal images, whatever their format.
        sums: Of each channel's pixels, and of their squares.
    """

    pixels: Pixels
    digest: bytes
    sums: Int64[np.ndarray, "2 channels"]


def load(content: Content, form: Form) -> Picture:
    """Read an image and bring it to a form.

    It is turned upright as the camera noted it, and scaled until it covers the wanted size; what
    sticks out on two sides is cut off. Where the form has no channel for transparency, transparent
    parts become white. Grey and colour become one another; other bands must be as many as wanted.

    Args:
        content: In any format that `decoding.py` reads.
        form: The form.

    Raises:
        ValueError: It is no image, or damaged, or of another kind; the message says what.
    """
    try:
        with decoded(content) as image:
            if isinstance(image, np.ndarray):
                digest = hashlib.sha256(f"{image.shape}{image.dtype}".encode() + image.tobytes())
                return _picture(_fitted_bands(image, form), digest.digest())
            plain = image.convert("RGBA") if form.channels in (2, 4) else _opaque(image)
            digest = hashlib.sha256(f"{plain.size}".encode() + plain.tobytes()).digest()
            if form.channels not in _MODES:
                raise ValueError(f"it has {plain.mode} pixels; {form.channels} bands are wanted")
            plain = plain.convert(_MODES[form.channels])
            size = (form.width, form.height)
            plain = ImageOps.fit(plain, size, Image.Resampling.BICUBIC)
            pixels = np.asarray(plain).reshape(form.shape)
            return _picture(_with_bits(pixels, form.bits), digest)
    except Exception as error:  # damage to a file can surface as anything
        raise ValueError(reason_of(error)) from error


def load_some(form: Form, contents: Sequence[Content]) -> list[Picture | str]:
    """Read images; what is damaged is told in words."""

    def read(content: Content) -> Picture | str:
        try:
            return load(content, form)
        except ValueError as error:
            return str(error)

    return [read(content) for content in contents]


def reason_of(error: Exception) -> str:
    """Why an image cannot be read, in one line."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "its format is unknown"
    return getattr(error, "strerror", None) or str(error).partition("\n")[0] or repr(error)


def mapped(
    function: Callable[[list[Content]], list[T]], items: Iterable[Item]
) -> Iterator[tuple[list[Item], list[T]]]:
    """What a function makes of images, part by part in their order, on all processor cores.

    Memory holds the images that are being read and no others. Of small files, Python itself takes
    most of the time, which only processes share; they are started where they are worth it.

    Args:
        function: Something that another process can import; it takes the contents of some images.
        items: The images.
    """
    workers = _cores()
    waiting: deque[tuple[list[Item], Future[list[T]]]] = deque()
    with contextlib.ExitStack() as pools:
        pool: Executor = pools.enter_context(ThreadPoolExecutor(workers))
        for number, part in enumerate(_parts(items)):
            if number == _MANY // _AT_ONCE and workers > 1:
                # A fork would copy the locks of threads that it does not copy.
                spawn = multiprocessing.get_context("spawn")
                pool = pools.enter_context(ProcessPoolExecutor(workers, spawn, _follow_parent))
            waiting.append((part, pool.submit(function, [item.content for item in part])))
            if len(waiting) > 2 * workers:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()


def _parts(items: Iterable[Item]) -> Iterator[list[Item]]:
    remaining = iter(items)
    while part := list(itertools.islice(remaining, _AT_ONCE)):
        yield part


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _follow_parent() -> None:
    """Leave Ctrl-C to the process that started this one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _picture(pixels: Pixels, digest: bytes) -> Picture:
    wide = pixels.astype(np.int64)
    return Picture(pixels, digest, np.stack([wide.sum((0, 1)), np.square(wide).sum((0, 1))]))


def _opaque(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _fitted_bands(bands: Bands, form: Form) -> Pixels:
    """Bands in a form; Pillow scales each by itself."""
    size, most = (form.width, form.height), np.iinfo(bands.dtype).max
    planes = [
        ImageOps.fit(Image.fromarray(band), size, Image.Resampling.BICUBIC)
        for band in np.moveaxis(bands.astype(np.float32), -1, 0)
    ]
    pixels = np.stack([np.asarray(plane) for plane in planes], axis=-1)
    found, wanted = pixels.shape[2], form.channels
    if (found, wanted) == (3, 1):
        pixels = (pixels @ _LUMA)[..., None]
    elif found == 1 and wanted == 3:
        pixels = np.repeat(pixels, 3, axis=-1)
    elif found != wanted:
        raise ValueError(f"it has {found} channel{'s' * (found > 1)}; {wanted} are wanted")
    return _with_bits(np.rint(pixels.clip(0, most)).astype(bands.dtype), form.bits)


def _with_bits(pixels: Pixels, bits: int) -> Pixels:
    if bits == 16 and pixels.dtype == np.uint8:
        return pixels.astype(np.uint16) * 257
    return (pixels >> 8).astype(np.uint8) if bits == 8 and pixels.dtype == np.uint16 else pixels
