"""The picture of a confusion matrix."""

import numpy as np
import pytest
from matplotlib.image import imread

from .project import confusion

plot_confusion = confusion.plot_confusion
BLUE, ORANGE = (0x2A, 0x6F, 0xBB), (0xE0, 0x7B, 0x26)


def draw(path, counts, names=None):
    names = names or [f"class {number}" for number in range(len(counts))]
    plot_confusion(path, np.asarray(counts), names, "test split")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [each.name for each in path.parent.iterdir()] == [path.name]  # nothing half-written
    return np.round(imread(path)[..., :3] * 255).astype(int)


def share(picture, color):
    """How much of the picture has a color."""
    return float(np.mean(np.all(np.abs(picture - color) < 3, axis=-1)))


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_a_perfect_model_shows_a_blue_diagonal(tmp_path, classes):
    picture = draw(tmp_path / "plot.png", 7 * np.eye(classes, dtype=int))
    assert 0.2 / classes < share(picture, BLUE) < 1 / classes
    assert share(picture, ORANGE) == 0
    assert picture.shape[0] * picture.shape[1] < 6_000_000


def test_mistakes_are_orange(tmp_path):
    picture = draw(tmp_path / "plot.png", [[0, 5], [0, 3]])
    assert share(picture, ORANGE) > 0.05 and share(picture, BLUE) > 0.05


def test_classes_without_examples_and_long_names(tmp_path):
    draw(tmp_path / "plot.png", np.zeros((3, 3), int), ["a" * 200, "", "größer λ"])
