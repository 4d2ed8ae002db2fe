"""Random changes of training images: yours to change.

The random numbers come from outside, so that a change is a function of them and nothing else.
"""

import numpy as np
from jaxtyping import Float, Float32, UInt8, UInt16
from pydantic import Field

from .settings import Settings

Images = (
    UInt8[np.ndarray, "batch height width channels"]
    | UInt16[np.ndarray, "batch height width channels"]
)
Places = Float32[np.ndarray, "batch height width"]

DRAWS = 6  # random numbers for one image


class Augmentation(Settings):
    """What may happen to a training image. What it uncovers is black.

    Attributes:
        shift: Pixels that it may move in each direction. Where this is a whole number and the
            image neither turns nor grows, it moves by whole pixels, which does not blur it.
        flip: Whether every second image is mirrored, left to right. Not for digits, letters and
            whatever else means something else in a mirror.
        rotate: Degrees that it may turn in either direction.
        scale: Share by which its height and its width may grow, each by itself, and by whose
            inverse they may shrink: 0.25 is from 0.8 to 1.25 times the size.
    """

    shift: float = Field(default=0.0, ge=0)
    flip: bool = False
    rotate: float = Field(default=0.0, ge=0, le=180)
    scale: float = Field(default=0.0, ge=0)

    def apply(self, images: Images, draws: Float[np.ndarray, "batch draws"]) -> Images:
        """Change every image by its own random numbers.

        Args:
            images: The images.
            draws: For each image `DRAWS` numbers from [0, 1).
        """
        if self.rotate or self.scale or self.shift % 1:
            between = (1 - 2 * draws).astype(np.float32)
            images = warp(
                images,
                shifts=self.shift * between[:, :2],
                angles=np.deg2rad(self.rotate * between[:, 3]),
                steps=(1 + self.scale) ** -between[:, 4:6],
            )
        elif self.shift:
            images = shifted(images, int(self.shift), draws[:, :2])
        if self.flip:
            mirrored = draws[:, 2, None, None, None] < 0.5
            images = np.where(mirrored, images[:, :, ::-1], images)
        return images


def shifted(images: Images, most: int, draws: Float[np.ndarray, "batch 2"]) -> Images:
    """Move images by up to `most` whole pixels, down or up and to the right or left."""
    height, width = images.shape[1:3]
    framed = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    changed = np.empty_like(images)
    places = (draws * (2 * most + 1)).astype(int).tolist()
    for number, (top, left) in enumerate(places):
        changed[number] = framed[number, top : top + height, left : left + width]
    return changed


def warp(
    images: Images,
    *,
    shifts: Float32[np.ndarray, "batch 2"],
    angles: Float32[np.ndarray, " batch"],
    steps: Float32[np.ndarray, "batch 2"],
) -> Images:
    """Scale, turn and move images, in this order, with bilinear interpolation.

    Args:
        images: The images.
        shifts: How far each one moves down and to the right, in pixels.
        angles: How far each one turns about its centre, clockwise, in radians.
        steps: Pixels of the image, downwards and across, that make one of the new image: 0.5
            doubles its height or width.
    """
    height, width = images.shape[1:3]
    down, right = shifts.T[:, :, None, None]
    high, wide = steps.T[:, :, None, None]
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    # Where a new pixel comes from: everything undone, in the opposite order.
    y = np.arange(height, dtype=np.float32)[None, :, None] - (height - 1) / 2 - down
    x = np.arange(width, dtype=np.float32)[None, None, :] - (width - 1) / 2 - right
    rows = (cos * y - sin * x) * high + (height - 1) / 2
    columns = (sin * y + cos * x) * wide + (width - 1) / 2
    return interpolate(images, rows, columns)


def interpolate(images: Images, rows: Places, columns: Places) -> Images:
    """What images show at places between their pixels, bilinearly; outside they are black."""
    count, height, width, channels = images.shape
    # A frame, so that all four neighbours of a place are there.
    framed = np.pad(images, ((0, 0), (1, 2), (1, 2), (0, 0)))
    rows, columns = np.clip(rows + 1, 0, height + 1), np.clip(columns + 1, 0, width + 1)
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    down = (rows - top.astype(np.float32))[..., None]
    right = (columns - left.astype(np.float32))[..., None]
    pixels, line = framed.reshape(-1, channels), width + 3
    corner = (np.arange(count)[:, None, None] * (height + 3) + top) * line + left
    ends = [np.take(pixels, corner + step, axis=0) for step in (0, 1, line, line + 1)]
    one, other, below, beyond = (end.astype(np.float32) for end in ends)
    upper, lower = one + right * (other - one), below + right * (beyond - below)
    return np.rint(upper + down * (lower - upper)).astype(images.dtype)
