"""Predictions: files of one's own, what is told about each row, and pictures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from . import tiny_task
from .project import (
    data,
    errors,
    model,
    numerics,
    prediction,
    scatter,
    sources,
    storage,
)

UserError = errors.UserError
DATA = data.TableData(batch_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data sets with classes and with numbers to predict, made once."""
    folder = tmp_path_factory.mktemp("tables")
    tiny_task.prepare(folder)
    source = sources.Source(files=(folder / "table.csv",), target="pressure", ignore=("station",))
    settings = data.TableData(directory=str(folder / "numbers"))
    settings.prepare(source, overwrite=False, progress=False)
    return folder


@pytest.fixture(params=["data", "numbers"])
def either(request, folder):
    """Each of the two data sets."""
    return folder / request.param


def made(directory):
    """A prediction and an untrained network for a data set."""
    info = storage.dataset.DataSet.open(directory).info
    network = model.TableNetworkSettings(d_model=8, d_ff=8).fitted(info)
    network = network.build(rngs=nnx.Rngs(0), precision=numerics.precision.FLOAT32)
    return prediction.TablePrediction().fitted(info), network


def predict(how, network, chunks):
    ask = nnx.jit(how)
    results = []
    for batch, rows in chunks:
        outputs = ask(network, {name: jnp.asarray(batch[name]) for name in how.input_specs(DATA)})
        cut = [
            {name: np.asarray(array)[: len(rows)] for name, array in each.items()}
            for each in (batch, outputs)
        ]
        results.append(prediction.Result(rows, *cut))
    return results


def read(how, *files, targets=False):
    return list(how.read(DATA, [str(file) for file in files], targets=targets))


def own(path, *, rows=21, drop=(), rename=None, edit=None):
    """A table of new rows, its columns in another order."""
    tiny_task.write_table(path, rows=rows, seed=1)
    table = [line.split(",") for line in path.read_text().splitlines()]
    columns = {name: [row[at] for row in table[1:]] for at, name in enumerate(table[0])}
    for (name, row), cell in (edit or {}).items():
        columns[name][row - 1] = cell
    names = [name for name in reversed(columns) if name not in drop]
    lines = [",".join(names), *map(",".join, zip(*(columns[name] for name in names), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_rows_of_files_are_the_rows_that_preparation_makes(either, folder):
    how, _ = made(either)
    chunks = read(how, folder / "table.csv", targets=True)
    found = {
        name: np.concatenate([chunk.batch[name][: len(chunk.rows)] for chunk in chunks])
        for name in chunks[0].batch
    }
    stored = data.TableData(directory=str(either), batch_size=1000)
    for split in ("train", "validation", "test"):
        (batch,) = stored.eval_batches(split, limit=None, process=0, processes=1)
        for at in np.flatnonzero(batch["weights"]):
            same = np.all(found["numbers"] == batch["numbers"][at][None], axis=1)
            (place,) = np.flatnonzero(same)
            for name, array in batch.items():
                np.testing.assert_array_equal(found[name][place], array[at])


def test_chunks_have_one_shape_and_rows_their_names(either, tmp_path):
    how, _ = made(either)
    chunks = read(how, own(tmp_path / "own.csv"))
    assert [len(chunk.rows) for chunk in chunks] == [8, 8, 5]
    assert {name: array.shape for name, array in chunks[0].batch.items()} == {
        name: array.shape for name, array in chunks[-1].batch.items()
    }
    assert chunks[-1].batch["weights"].tolist() == [1] * 5 + [0] * 3
    assert "targets" not in chunks[0].batch
    assert chunks[1].rows[0] == {"file": str(tmp_path / "own.csv"), "row": 9, "station": "s0008"}
    specs = how.input_specs(DATA)
    for name, spec in specs.items():
        array = chunks[0].batch[name]
        assert (array.shape[1:], array.dtype) == (spec.shape, spec.dtype)


def test_what_is_told_about_classes(folder, tmp_path):
    how, network = made(folder / "data")
    results = predict(how, network, read(how, own(tmp_path / "own.csv")))
    rows = list(how.records(results))
    assert len(rows) == 21
    names = [f"probability {name}" for name in tiny_task.CLASSES]
    assert list(rows[0]) == ["file", "row", "station", "prediction", *names]
    for row in rows:
        shares = [row[name] for name in names]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert row["prediction"] == tiny_task.CLASSES[int(np.argmax(shares))]


def test_numbers_are_told_in_their_own_unit(folder, tmp_path):
    how, network = made(folder / "numbers")
    results = predict(how, network, read(how, own(tmp_path / "own.csv"), targets=True))
    rows = list(how.records(results))
    assert list(rows[0]) == ["file", "row", "station", "prediction"]
    assert min(row["prediction"] for row in rows) > 900
    standardised = np.concatenate([result.batch["targets"] for result in results])
    assert np.abs(standardised).max() < 5


def test_what_is_ignored_may_be_absent_and_further_columns_are_passed_over(folder, tmp_path):
    how, _ = made(folder / "data")
    one = own(tmp_path / "one.csv", drop=("station", "sky"))
    (tmp_path / "other.csv").write_text(
        one.read_text().replace("\n", ",x\n").replace(",x\n", ",extra\n", 1)
    )
    for file in (one, tmp_path / "other.csv"):
        assert list(read(how, file)[0].rows[0]) == ["file", "row"]


def test_unknown_values_and_missing_numbers_are_taken(folder, tmp_path):
    how, network = made(folder / "data")
    edit = {("color", 1): "ultraviolet", ("pressure", 2): "NA", ("wind", 3): "", ("warned", 4): ""}
    chunks = read(how, own(tmp_path / "own.csv", edit=edit))
    batch = chunks[0].batch
    assert batch["categories"][0, 0] == 0 and batch["categories"][1, 0] > 0
    assert batch["numbers"][1, 0] == 0 and batch["numbers"][3, 3] == 0
    assert batch["missing"][2, 0] == 1
    assert np.all(np.isfinite(predict(how, network, chunks)[0].outputs["probabilities"]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drop": ("wind", "color")}, r"own.csv has no columns 'wind', 'color'; it has: sky,"),
        ({"drop": ("sky",)}, r"own.csv has no column 'sky'"),
        ({"edit": {("wind", 4): "strong"}}, r"row 4, column 'wind': 'strong' is no number"),
        ({"edit": {("wind", 4): "inf"}}, r"row 4, column 'wind': the number is infinite"),
        ({"edit": {("sky", 4): "hail"}}, r"row 4, column 'sky': 'hail' is none of the classes \("),
        ({"edit": {("sky", 4): ""}}, r"row 4, column 'sky': the target is missing"),
        ({"rows": 0}, r"own.csv: the files hold no row"),
    ],
)
def test_a_faulty_file_is_reported(folder, tmp_path, changes, message):
    how, _ = made(folder / "data")
    with pytest.raises(UserError, match=message) as caught:
        read(how, own(tmp_path / "own.csv", **changes), targets=True)
    assert "\n" not in str(caught.value)


def test_a_prediction_needs_to_know_the_columns():
    with pytest.raises(ValueError, match="columns follow from the data"):
        prediction.TablePrediction().input_specs(DATA)


def test_pictures(either, tmp_path):
    how, network = made(either)
    file = own(tmp_path / "own.csv")
    results = predict(how, network, read(how, file, targets=True))
    how.plot(tmp_path / "plot.png", results)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match="needs the true targets"):
        how.plot(tmp_path / "other.png", predict(how, network, read(how, file)))
    assert not (tmp_path / "other.png").exists()


def test_it_can_be_exported_with_any_batch_size(either):
    how, network = made(either)
    graphdef, state = nnx.split(network)
    (batch,) = jax.export.symbolic_shape("batch")
    specs = {
        name: jax.ShapeDtypeStruct((batch, *spec.shape), spec.dtype)
        for name, spec in how.input_specs(DATA).items()
    }
    exported = jax.export.export(jax.jit(lambda inputs: how(nnx.merge(graphdef, state), inputs)))
    assert exported(specs).out_avals[0].shape[0] == batch


def test_r_squared():
    true = np.array([1.0, 2.0, 3.0], np.float32)
    assert scatter.r_squared(true, true) == 1.0
    assert scatter.r_squared(true, np.full(3, 2.0, np.float32)) == 0.0
    assert scatter.r_squared(true, true[::-1].copy()) == -3.0
    assert np.isnan(scatter.r_squared(np.ones(3), np.zeros(3)))
