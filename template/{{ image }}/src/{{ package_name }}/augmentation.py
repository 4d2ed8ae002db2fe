"""Random changes of training images: yours to change.

The random numbers come from outside, so that a change is a function of them and nothing else.
"""

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import Field

from .settings import Settings

Images = UInt8[np.ndarray, "batch height width channels"]

DRAWS = 3  # random numbers for one image


class Augmentation(Settings):
    """What may happen to a training image.

    Attributes:
        shift: Pixels that it may move in each direction; what it uncovers is black.
        flip: Whether every second image is mirrored, left to right. Not for digits, letters and
            whatever else means something else in a mirror.
    """

    shift: int = Field(default=0, ge=0)
    flip: bool = False

    def apply(self, images: Images, draws: Float[np.ndarray, "batch draws"]) -> Images:
        """Change every image by its own random numbers.

        Args:
            images: The images.
            draws: For each image `DRAWS` numbers from [0, 1).
        """
        height, width = images.shape[1:3]
        shift = self.shift
        frame = ((0, 0), (shift, shift), (shift, shift), (0, 0))
        framed = np.pad(images, frame) if shift else images
        changed = np.empty_like(images)
        places = (draws[:, :2] * (2 * shift + 1)).astype(int).tolist()
        mirrored = (draws[:, 2] < 0.5).tolist()
        for number, (top, left) in enumerate(places):
            piece = framed[number, top : top + height, left : left + width]
            changed[number] = piece[:, ::-1] if self.flip and mirrored[number] else piece
        return changed
