"""Data of one's own: what a run asks of it, and what is said where it cannot do more."""

import json
from typing import Any

import numpy as np
import pytest

from . import tiny, tiny_task
from .project import command_line, commands, configuration, errors, storage, training

told = training.data_settings


class Bare:
    """All that a run asks of data."""

    def __init__(self, data):
        self._data, self.batch_size = data, data.batch_size

    def train_batches(self, **share):
        return self._data.train_batches(**share)

    def eval_batches(self, split, **share):
        return self._data.eval_batches(split, **share)


class Stateless(Bare):
    def train_batches(self, **share):
        yield from super().train_batches(**share)


class Early(Bare):
    """Data as projects had it up to 0.2: prepared, but no `PreparedData`."""

    def __init__(self, data):
        super().__init__(data)
        self.directory, self.exists = data.directory, data.exists
        self.prepare, self.prepare_sample = data.prepare, data.prepare_sample


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return tiny.make(tiny_task.prepare(tmp_path_factory.mktemp("data")))


@pytest.fixture
def run(tmp_path):
    return storage.run_directory.RunDirectory(tmp_path)


def keep(run, experiment):
    run.data_set.write_text(commands.train._check_data(run, experiment, allow_change=False))


def test_three_names_are_all_that_a_run_asks_for(experiment, run, capsys):
    bare = Bare(experiment.data)
    assert isinstance(bare, told.DataSettings)
    own = experiment.model_copy(update={"data": bare})
    assert own.throughput == (bare.batch_size, "examples")
    assert next(training.loop.training_batches(own)).keys()
    for _ in range(2):
        keep(run, own)
        assert capsys.readouterr().out.startswith("data has no fingerprint(): other data will go")
    assert json.loads(run.data_set.read_text()) == {"fingerprint": None, "info": {}}


def test_an_iterator_without_a_position_is_refused(experiment):
    own = experiment.model_copy(update={"data": Stateless(experiment.data)})
    with pytest.raises(errors.UserError, match=r"data\.train_batches: .* get_state\(\)"):
        training.loop.training_batches(own)


def test_prepared_data_tells_of_itself_early_or_late(experiment, run, capsys):
    data = experiment.data
    assert data.info() and len(data.fingerprint()) == 64
    assert told.fingerprint_of(Early(data)) == data.fingerprint()
    assert told.info_of(Early(data)) == data.info()
    keep(run, experiment)
    keep(run, experiment.model_copy(update={"data": Early(data)}))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("other", ["else", None])
def test_other_data_is_refused(run, other):
    def record(*arguments, **options):
        run.data_set.write_text(storage.data_record.data_record(*arguments, **options))

    record(run.data_set, None, {}, allow_change=False)
    record(run.data_set, "one", {"classes": 3}, allow_change=False)
    with pytest.raises(errors.UserError, match="started with other data"):
        record(run.data_set, other, {}, allow_change=False)
    assert storage.data_record.recorded_info(run.data_set) == {"classes": 3}
    record(run.data_set, other, {}, allow_change=True)
    assert storage.data_record.recorded_info(run.data_set) == {}


def test_info_that_is_no_json_is_refused(run):
    with pytest.raises(errors.UserError, match=r"info\(\) .* JSON"):
        storage.data_record.data_record(run.data_set, None, {"a": {1}}, allow_change=False)


def test_what_a_prediction_asks_and_data_lacks_is_named(experiment):
    bare: Any = Bare(experiment.data)
    lacks = pytest.raises(errors.UserError, match=r"needs data\.seq_length, which Bare does not")
    with lacks, commands._run.asking(bare):
        print(bare.seq_length)
    with pytest.raises(AttributeError), commands._run.asking(bare):
        print(experiment.data.seq_length)


def test_data_that_is_read_as_it_stands_is_not_prepared(experiment, monkeypatch, capsys):
    own = experiment.model_copy(update={"data": Bare(experiment.data)})
    monkeypatch.setattr(configuration, "build", lambda config: own)
    assert command_line.main(["prepare"]) == 2
    assert "is read as it stands: there is nothing to prepare" in capsys.readouterr().err


def test_examples_in_memory_are_padded(experiment):
    arrays = {"x": np.arange(6).reshape(3, 2), "weights": np.ones(3, np.float32)}
    batch = training.indexed_data.ArrayExamples(arrays).read(np.array([2, -1]))
    assert batch["x"].tolist() == [[4, 5], [0, 1]]
    assert batch["weights"].tolist() == [1, 0]
    assert arrays["weights"].all()
