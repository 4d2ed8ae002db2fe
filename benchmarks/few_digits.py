"""Handwritten digits as class folders: many of 0 to 3 in one, two each of 4 to 9 in another.

The digits are those that come with scikit-learn. What is not learned from is for validation (two of
each digit of the second folder) and for the test.

Usage: ``python few_digits.py FOLDER`` in the environment of a rendered image project.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

KNOWN, FEW = 4, 2


def main(folder: Path) -> None:
    """Write the folders ``many`` and ``few``."""
    digits, seen = load_digits(), Counter[int]()
    for pixels, digit in zip(digits.images, digits.target.tolist(), strict=True):
        number = seen[digit]
        seen[digit] += 1
        if digit < KNOWN:
            name, split = "many", {0: "test", 1: "validation"}.get(number % 10, "train")
        else:
            name, split = "few", ("train", "validation", "test")[min(number // FEW, 2)]
        place = folder / name / split / str(digit)
        place.mkdir(parents=True, exist_ok=True)
        grey = (pixels * (255 / 16)).round().astype(np.uint8)
        Image.fromarray(grey).save(place / f"{number:03}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
