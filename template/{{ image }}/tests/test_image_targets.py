"""Networks learn several labels, and numbers, without a setting more than the data set."""

import numpy as np
import pytest

from . import image_kinds, tiny, tiny_task
from .project import data, prediction, schema, storage, training
from .test_image_kinds import KINDS, prepared

FIELDS = ("optimizer.schedule.warmup_steps=2", "loop.steps=40", "data.batch_size=16")


@pytest.mark.parametrize("name", ["several truth values", "several numbers"])
def test_other_targets_are_learned(name, tmp_path):
    prepared(KINDS[name], tmp_path)
    experiment = tiny.make(tmp_path / "data", *FIELDS, *tiny_task.MEMORISE)
    assert experiment.model.known_sizes() == ((10, 12, 3), 2)
    _, history = tiny.run_steps(experiment, tiny.make_mesh(), 40)
    first, last = (np.mean([each["loss"] for each in part]) for part in (history[:4], history[-4:]))
    assert last < 0.85 * first


@pytest.mark.parametrize("name", ["several truth values", "several numbers"])
def test_batches_hold_what_is_predicted(name, tmp_path):
    kind = KINDS[name]
    prepared(kind, tmp_path)
    info = storage.dataset.DataSet.open(tmp_path / "data").info
    targets = schema.ImageSchema.of(info).targets
    settings = data.ImageData(directory=str(tmp_path / "data"), batch_size=30)
    (batch,) = settings.eval_batches("train", limit=1, process=0, processes=1)
    batch = {name: array[batch["weights"] > 0] for name, array in batch.items()}
    labels = batch["labels"]
    if targets.task == "regression":
        np.testing.assert_allclose(labels.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(labels.std(axis=0), 1, atol=1e-5)
        labels = labels * np.array(targets.std) + np.array(targets.mean)
    images = batch["images"] * np.array(info["std"]) + np.array(info["mean"])
    known = {pixels.tobytes(): target for target, pixels in kind.holds or ()}
    for image, label in zip(np.rint(images * 255).astype(np.uint8), labels, strict=True):
        np.testing.assert_allclose(label, known[image.tobytes()], atol=1e-4)
    how = prediction.ImagePrediction().fitted(info)
    (chunk,) = how.read(settings, [str(tmp_path / kind.source)], targets=True)
    assert isinstance(chunk, training.prediction.Chunk)
    assert len(chunk.rows) == len(image_kinds.CLEAN)
