"""Pictures for people: what is on them, and what the answers depend on."""

import jax.numpy as jnp
import numpy as np
import pytest

from . import tiny_images
from .project import (
    augmentation,
    data,
    errors,
    image_grid,
    prediction,
    saliency,
    sheets,
    sources,
    storage,
    training,
)

Result = training.prediction.Result
CLASSES = ["across", "dots", "upright"]
INFO = {"classes": CLASSES, "mean": [0.5], "std": [0.25], "shape": [8, 8, 1]}
MANY = {"task": "multilabel", "names": CLASSES}
NUMBERS = {"task": "regression", "names": ["age"], "mean": [10.0], "std": [2.0]}


@pytest.fixture
def drawn(monkeypatch):
    """What is drawn: the titles of each section, and all pixels."""
    seen = {}

    def draw(path, sections):
        image_grid.draw_images(path, sections)
        seen["titles"] = {name: [title for _, title in each] for name, each in sections.items()}
        seen["pixels"] = [pixels for each in sections.values() for pixels, _ in each]

    monkeypatch.setattr(sheets, "draw_images", draw)
    monkeypatch.setattr(prediction, "draw_images", draw)
    return seen


def result(labels, **outputs):
    ((name, values),) = outputs.items()
    images = np.zeros((len(values), 8, 8, 1), np.float32)
    batch = {"images": images, "labels": np.array(labels)}
    return Result([{}] * len(values), batch, {name: np.array(values, np.float32)})


def test_the_worst_mistakes_come_first(drawn, tmp_path):
    shares = [[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.4, 0.35, 0.25]]
    results = [result([0, 0], probabilities=shares[:2]), result([1, 2], probabilities=shares[2:])]
    sheets.draw_mistakes(tmp_path / "m.png", iter(results), INFO)
    assert drawn["titles"]["worst mistakes"] == [
        "upright, not dots",
        "dots, not across",
        "across, not upright",
    ]
    assert drawn["titles"]["least certain"] == [
        "across, not upright",
        "dots, not across",
        "upright, not dots",
        "across",
    ]
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    np.testing.assert_array_equal(drawn["pixels"][0], np.full((8, 8, 1), 0.5))


def test_a_sheet_holds_so_many_of_all_examples(drawn, tmp_path):
    shares = np.linspace(0.4, 0.9, 60)
    told = np.stack([shares, (1 - shares) / 2, (1 - shares) / 2], axis=1)
    sheets.draw_mistakes(tmp_path / "m.png", [result([1] * 60, probabilities=told)], INFO)
    assert [len(each) for each in drawn["titles"].values()] == [sheets.SHOWN] * 2


def test_mistakes_about_labels_and_numbers_are_drawn(drawn, tmp_path):
    labels = [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    shares = [[0.9, 0.7, 0.1], [0.1, 0.1, 0.9], [0.45, 0.1, 0.1]]
    info = {**INFO, "targets": MANY}
    sheets.draw_mistakes(tmp_path / "m.png", [result(labels, label_probabilities=shares)], info)
    assert drawn["titles"] == {
        "worst mistakes": ["across dots, not across"],
        "least certain": ["none", "across dots, not across", "upright"],
    }
    info = {**INFO, "targets": NUMBERS}
    sheets.draw_mistakes(tmp_path / "m.png", [result([[0.0], [1.0]], values=[[10], [19]])], info)
    assert drawn["titles"] == {"worst mistakes": ["19, not 12", "10"]}


def test_mistakes_need_targets(tmp_path):
    known = result([0], probabilities=[[1.0, 0.0, 0.0]])
    del known.batch["labels"]
    with pytest.raises(errors.UserError, match="mistakes need images whose targets are known"):
        sheets.draw_mistakes(tmp_path / "m.png", [known], INFO)


def test_examples_are_drawn_beside_what_training_makes_of_them(drawn, tmp_path):
    folder = tiny_images.prepare(tmp_path)
    changes = augmentation.Augmentation(shift=2)
    settings = data.ImageData(directory=str(folder), augmentation=changes)
    source = sources.Source("", None, show=tmp_path / "show.png")
    told = settings.prepare(source, overwrite=False, progress=False)
    assert told == f"examples as training changes them: {tmp_path}/show.png"
    (titles,) = drawn["titles"].values()
    assert len(titles) == 48 and set(titles[::8]) == set(CLASSES) and not any(titles[1:8])
    original, *changed = drawn["pixels"][:8]
    assert sum(not np.array_equal(original, each) for each in changed) >= 5
    first = storage.dataset.DataSet.open(folder).source("train")[0]
    np.testing.assert_array_equal(original * 255, np.frombuffer(first[4:], "u1").reshape(8, 8, 1))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_images_of_any_channels_are_drawn(channels, tmp_path):
    pixels = np.random.default_rng(0).random((5, 9, channels))
    image_grid.draw_images(tmp_path / "a.png", {"$x_1$": [(pixels, "$a$ 猫")] * 9, "": []})
    assert image_grid.shown(pixels).shape[2] in (1, 3, 4)
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_the_saliency_of_a_linear_model_is_what_each_pixel_adds():
    weights = jnp.array(np.random.default_rng(0).normal(size=(4, 5, 2, 3)), jnp.float32)
    images = jnp.array(np.random.default_rng(1).normal(size=(6, 4, 5, 2)), jnp.float32)

    def model(images):
        return jnp.einsum("bhwc,hwck->bk", images, weights) + jnp.array([0.0, 1e4, 0.0])[None]

    found = saliency.saliency(model, images)
    expected = np.abs(np.asarray(images * weights[None, ..., 1]).sum(axis=-1))
    expected /= expected.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_contributions_of_pixels_add_up_to_the_output():
    images = jnp.array(np.random.default_rng(1).uniform(0.5, 1, (2, 3, 3, 1)), jnp.float32)

    def model(images):
        return jnp.stack([jnp.sum(images**3, (1, 2, 3)), -jnp.sum(images, (1, 2, 3))], axis=-1)

    found = np.asarray(saliency.saliency(model, images))
    expected = np.asarray(images)[..., 0] ** 3
    np.testing.assert_allclose(
        found, expected / expected.max(axis=(1, 2), keepdims=True), rtol=5e-3
    )


def test_an_answer_is_explained(drawn, tmp_path):
    told = result([0, 1], probabilities=[[0.6, 0.4, 0.0], [0.7, 0.2, 0.1]])
    told.batch["images"][:, 2, 3] = 1.0

    def model(images):
        return images[:, 2, 3] * jnp.array([3.0, 1.0, 0.0])[None]

    how = prediction.ImagePrediction().fitted(INFO)
    how.explain(model, told, tmp_path / "e.png")
    assert drawn["titles"] == {"": ["across", "depends on", "across, not dots", "depends on"]}
    expected = np.zeros((8, 8, 1))
    expected[2, 3] = 1
    np.testing.assert_array_equal(drawn["pixels"][1], expected)


def test_other_targets_are_told_in_records(tmp_path):
    how = prediction.ImagePrediction().fitted({**INFO, "targets": MANY})
    shares = [[0.9, 0.7, 0.1]]
    (record,) = how.records([result([[1.0, 0.0, 1.0]], label_probabilities=shares)])
    assert record == {
        "true_labels": "across|upright",
        "labels": "across|dots",
        "probability_across": np.float32(0.9),
        "probability_dots": np.float32(0.7),
        "probability_upright": np.float32(0.1),
    }
    how = prediction.ImagePrediction().fitted({**INFO, "targets": NUMBERS})
    numbers = result([[0.5]], values=[[12.5]])
    assert list(how.records([numbers])) == [{"true_age": 11.0, "predicted_age": 12.5}]
    how.plot(tmp_path / "p.png", [numbers, numbers])
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_numbers_are_predicted_in_their_own_unit():
    how = prediction.ImagePrediction().fitted({**INFO, "targets": NUMBERS})
    told = how(lambda images: jnp.array([[0.0], [1.5]]), {"images": jnp.zeros((2, 8, 8, 1))})
    np.testing.assert_allclose(told["values"], [[10.0], [13.0]])
