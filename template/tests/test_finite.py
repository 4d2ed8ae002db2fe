"""What is not finite is never used in silence: weights, predictions, metrics."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from . import tiny
from .project import command_line, commands, errors, storage, training


def run(*words):
    return command_line.main([str(word) for word in words])


class NoData:
    def get_state(self):
        return {}

    def set_state(self, state):
        pass


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run of one step."""
    folder = tmp_path_factory.mktemp("trained")
    options = [f"--config={each}" for each in tiny.directives(data, "loop.steps=1")]
    assert run("train", "--run-dir", folder / "run", *options) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def broken(trained, tmp_path_factory):
    """The same run with a newer checkpoint, in which one weight is NaN."""
    folder = tmp_path_factory.mktemp("broken") / "run"
    shutil.copytree(trained, folder)
    program, state, step = commands._run.open_run(folder)
    leaves, structure = jax.tree.flatten(state.params)
    leaves[0] = leaves[0].at[0].set(jnp.nan)
    state = state._replace(params=jax.tree.unflatten(structure, leaves))
    path, settings = folder / "checkpoints", program.experiment.checkpoint
    with storage.checkpoints.Checkpoints(path, settings) as checkpoints:
        checkpoints.save(step + 1, state, NoData())
    return folder


@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_no_command_uses_weights_that_are_not_finite(broken, tmp_path, capsys, command):
    assert run(command, "--run-dir", broken, "--output", tmp_path / "out.json") == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {broken} after step 2: NaN or Inf in ")
    assert "inf_count=0" in error and f"delete {broken / 'checkpoints' / '2'}" in error
    assert not list(tmp_path.iterdir())


class Breaking:
    """An optimizer of which one part becomes infinite in the second update."""

    def __init__(self, part):
        self._part = part

    def build(self, steps):
        def init(params):
            return {"count": jnp.int32(0), "kept": jnp.zeros(())}

        def update(updates, state, params=None):
            infinite = jnp.where(state["count"] == 1, jnp.inf, 0.0)
            if self._part == "update":
                updates = jax.tree.map(lambda leaf: leaf + infinite, updates)
            elif self._part == "state":
                state = {**state, "kept": state["kept"] + infinite}
            return updates, {**state, "count": state["count"] + 1}

        # The schedule's best loss is infinite before there is one.
        plateau = optax.contrib.reduce_on_plateau()
        return optax.chain(optax.sgd(1e-3), optax.GradientTransformation(init, update), plateau)


@pytest.mark.parametrize("part", ["update", "state"])
def test_no_update_is_applied_that_leaves_anything_infinite(data, part):
    experiment = tiny.make(data).model_copy(update={"optimizer": Breaking(part)})
    state, history = tiny.run_steps(experiment, tiny.make_mesh(), 3)
    assert [each["skipped"] for each in history] == [0, 1, 2]
    assert all(np.isfinite(each["loss"]) for each in history)
    for leaf in jax.tree.leaves((state.params, state.opt_state)):
        assert np.isfinite(leaf).all()


def test_what_stays_finite():
    old = {"a": jnp.array([0.0, -jnp.inf]), "b": jnp.int32(3), "key": jax.random.key(0)}

    def stays(*values):
        return bool(training.safety.stays_finite({**old, "a": jnp.array(values)}, old))

    assert stays(1.0, -jnp.inf) and stays(1.0, 2.0)
    assert not stays(1.0, jnp.nan) and not stays(1.0, jnp.inf) and not stays(-jnp.inf, -jnp.inf)


class Told:
    """A prediction that tells the number in the batch, and its logarithm."""

    def input_specs(self, data):
        return {"x": jax.ShapeDtypeStruct((), jnp.float32)}

    def __call__(self, model, inputs):
        return {"x": inputs["x"], "log": jnp.log(inputs["x"])}

    def read(self, data, sources, *, targets):
        return []

    def records(self, results):
        return iter(())


def test_outputs_that_are_not_finite_are_refused(data):
    """Of padding nothing is used, so it may be anything."""
    experiment = tiny.make(data).model_copy(update={"prediction": Told()})
    program = training.program.make_program(experiment, tiny.make_mesh())
    numbers = np.array([1.0, 2.0, -1.0, 0.0], np.float32)

    def predict(*names):
        chunk = training.prediction.Chunk({"x": numbers}, [{"file": name} for name in names])
        with jax.set_mesh(program.mesh), jax.debug_nans(False), jax.debug_infs(False):
            return list(program.predict(program.initial_state(), [chunk]))

    assert len(predict("a", "b")[0].outputs["log"]) == 2
    with pytest.raises(errors.UserError, match=r"inf_count=1, size=4.* 'a'.* 'd'") as caught:
        predict("a", "b", "c", "d")
    assert str(caught.value).startswith("prediction: NaN or Inf in log (nan_count=1, ")


def test_a_metric_that_is_not_finite_is_told(trained, tmp_path, monkeypatch, capsys):
    told = {"loss": 1.5, "score": float("nan")}
    monkeypatch.setattr(training.program.Program, "evaluate", lambda *_: told)
    output = tmp_path / "out.json"
    assert run("evaluate", "--run-dir", trained, "--output", output) == 0
    assert "warning: evaluation: NaN or Inf in score (nan_count=1" in capsys.readouterr().err
    assert json.loads(output.read_text())["metrics"] == {"loss": 1.5, "score": None}
