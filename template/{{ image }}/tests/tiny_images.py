"""Images for tests: three classes of stripes and dots, as files."""

from pathlib import Path

import numpy as np
from PIL import Image

from .project import data, sources

CLASSES = ("across", "dots", "upright")
FIELDS = (
    "data.batch_size=8",
    "optimizer.learning_rate=5e-3",
    "optimizer.schedule.warmup_steps=2",
    "loop.steps=10",
    "loop.eval_every=5",
    "loop.eval_batches=2",
    "checkpoint.every=2",
)


def draw(label: str, random: np.random.Generator) -> np.ndarray:
    """One grey image of 8 by 8 pixels."""
    rows, columns = np.indices((8, 8)) + random.integers(0, 4, size=(2, 1, 1))
    pattern = {"across": rows % 4 < 2, "upright": columns % 4 < 2, "dots": (rows + columns) % 2}
    noise = random.integers(0, 80, size=(8, 8))
    return (150 * pattern[label] + noise).astype(np.uint8)


def write(folder: Path, in_class: int = 40, seed: int = 0) -> Path:
    """A folder for each class, with PNG files."""
    random = np.random.default_rng(seed)
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
        for number in range(in_class):
            Image.fromarray(draw(label, random)).save(folder / label / f"{number:03}.png")
    return folder


def prepare(folder: Path) -> Path:
    """The images as a prepared data set."""
    source = sources.Source("tests", write(folder / "images"))
    settings = data.ImageData(directory=str(folder / "data"), height=8, width=8, channels=1)
    settings.prepare(source, overwrite=False, progress=False)
    return folder / "data"


def prepare_words(folder: Path) -> list[str]:
    """What the `prepare` command is told to prepare the images."""
    return ["--source", str(write(folder / "images"))]


def own_files(folder: Path) -> list[str]:
    """Files as a user of a trained model may have them."""
    return [str(write(folder / "own", in_class=4, seed=1))]
