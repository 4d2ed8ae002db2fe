"""Images with titles, as one picture."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Num
from matplotlib.figure import Figure

Titled = tuple[Num[np.ndarray, "height width channels"], str]

_COLUMNS = 8
_LONGEST_TITLE = 22
_STEP = 1.25  # from one image, of width and height 1, to the next


def draw_images(path: Path, sections: Mapping[str, Sequence[Titled]]) -> None:
    """Draw images in rows of eight, in sections with a heading each.

    Args:
        path: Where the PNG goes.
        sections: By their headings, which may be empty, pixels from 0 to 1 of shape (height, width,
            channels), each with its title.
    """
    rows = sum(-(-len(images) // _COLUMNS) for images in sections.values())
    height = _STEP * rows + 0.5 * len(sections)
    figure = Figure(figsize=(10, height), dpi=120)
    axes = figure.add_axes((0, 0, 1, 1))
    top = 0.0
    # All share one pair of axes: a pair for each would take most of the time.
    for heading, images in sections.items():
        axes.text(0, top + 0.2, heading, fontweight="bold", va="center", parse_math=False)
        top += 0.5
        for number, (pixels, title) in enumerate(images):
            row, column = divmod(number, _COLUMNS)
            left, upper = column * _STEP, top + row * _STEP
            high, wide = np.array(pixels.shape[:2]) / max(pixels.shape[:2])
            place = (left, left + wide, upper + high, upper)
            axes.imshow(shown(pixels), cmap="gray", vmin=0, vmax=1, extent=place)
            short = title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"
            axes.text(left, upper - 0.04, short, fontsize=7, va="bottom", parse_math=False)
        top += _STEP * -(-len(images) // _COLUMNS)
    axes.set(xlim=(-0.1, _COLUMNS * _STEP), ylim=(height, 0))
    axes.set_axis_off()
    with warnings.catch_warnings():
        # The font has not every script; what it lacks is drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure.savefig(path)


def shown(pixels: Num[np.ndarray, "height width channels"]) -> Float[np.ndarray, "height width _"]:
    """Pixels as they can be drawn: of two channels the first, of more than four the first three."""
    channels = pixels.shape[2]
    kept = {1: 1, 2: 1, 4: 4}.get(channels, 3)
    return np.clip(pixels[..., :kept].astype(np.float64), 0, 1)
