"""Images with titles, as one picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

_COLUMNS = 8


def draw_images(path: Path, images: Sequence[tuple[np.ndarray, str]]) -> None:
    """Draw images in rows of eight.

    Args:
        path: Where the PNG goes.
        images: Pixels from 0 to 1 of shape (height, width, channels), each with its title.
    """
    rows = -(-len(images) // _COLUMNS)
    figure = Figure(figsize=(10, 1.45 * rows), dpi=120, layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (pixels, title) in zip(panels, images, strict=False):
        axes.imshow(np.clip(pixels, 0, 1), cmap="gray")
        axes.set_title(title, fontsize=8)
    figure.savefig(path)
