"""Drawn shapes as class folders: many images of six shapes in one, few of five others in another.

A shape lies anywhere, of any size, turned a little, light on dark or dark on light, in noise. What
is not learned from is for validation and for the test.

Usage: ``python shapes.py FOLDER`` in the environment of a rendered image project.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE, FINER = 16, 8
"""Pixels of an image, and how much finer it is drawn."""

COUNTS = {
    "many": {"train": 200, "validation": 20, "test": 40},
    "few": {"train": 5, "validation": 5, "test": 100},
}
"""Images of each class."""

SHAPES = {  # strokes and outlines in a square from -1 to 1
    "many": {
        "bar": [[(-1, -0.3), (1, -0.3), (1, 0.3), (-1, 0.3)]],
        "disc": [[(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 24)]],
        "plus": [
            [(-1, -0.3), (1, -0.3), (1, 0.3), (-1, 0.3)],
            [(-0.3, -1), (0.3, -1), (0.3, 1), (-0.3, 1)],
        ],
        "square": [[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]],
        "tee": [
            [(-1, -1), (1, -1), (1, -0.4), (-1, -0.4)],
            [(-0.3, -1), (0.3, -1), (0.3, 1), (-0.3, 1)],
        ],
        "triangle": [[(0, -1), (1, 0.8), (-1, 0.8)]],
    },
    "few": {
        "angle": [
            [(-1, -1), (-0.4, -1), (-0.4, 1), (-1, 1)],
            [(-1, 0.4), (1, 0.4), (1, 1), (-1, 1)],
        ],
        "arrow": [
            [(-1, -0.25), (0.1, -0.25), (0.1, 0.25), (-1, 0.25)],
            [(0, -0.9), (1, 0), (0, 0.9)],
        ],
        "half": [[(np.cos(a), np.sin(a)) for a in np.linspace(0, np.pi, 16)]],
        "rails": [
            [(-1, -0.9), (1, -0.9), (1, -0.3), (-1, -0.3)],
            [(-1, 0.3), (1, 0.3), (1, 0.9), (-1, 0.9)],
        ],
        "star": [
            [
                (radius * np.sin(a), -radius * np.cos(a))
                for a, radius in zip(np.arange(10) * np.pi / 5, [1, 0.4] * 5, strict=True)
            ]
        ],
    },
}


def draw(shape: list, random: np.random.Generator) -> Image.Image:
    """Draw a shape somewhere."""
    side = SIDE * FINER
    picture = Image.new("L", (side, side))
    radius = random.uniform(0.22, 0.42) * side
    centre = random.uniform(radius, side - radius, 2)
    angle = np.deg2rad(random.uniform(-20, 20))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for part in shape:
        points = np.array(part) @ turn.T * radius + centre
        ImageDraw.Draw(picture).polygon([tuple(point) for point in points], fill=255)
    share = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX)) / 255
    dark, light = random.uniform(0.1, 0.4), random.uniform(0.6, 0.9)
    ground, ink = (dark, light) if random.random() < 0.5 else (light, dark)
    pixels = ground + (ink - ground) * share + random.normal(0, 0.08, share.shape)
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8))


def main(folder: Path) -> None:
    """Write the folders ``many`` and ``few``."""
    random = np.random.default_rng(0)
    for name, shapes in SHAPES.items():
        for split, count in COUNTS[name].items():
            for label, shape in shapes.items():
                place = folder / name / split / label
                place.mkdir(parents=True, exist_ok=True)
                for number in range(count):
                    draw(shape, random).save(place / f"{number:03}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
