"""The step and the loop: learning, accumulation, safety, what they promise to compile."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from . import tiny, tiny_task
from .project import errors, parallel, reporting, storage, training


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


def same_batch_step(experiment, batch, steps):
    """Train on one batch over and over; the loss of each step and the last state."""
    mesh = tiny.make_mesh()
    program = training.program.make_program(experiment, mesh)
    with jax.set_mesh(mesh):
        state, losses = program.initial_state(), []
        on_device = parallel.rules.put_batch(batch, program.batch)
        step = program.compile_train_step(on_device)
        for _ in range(steps):
            state, metrics = step(state, on_device)
            losses.append(metrics)
    return state, [{name: float(value) for name, value in each.items()} for each in losses]


def test_one_batch_can_be_learned_by_heart(data):
    experiment = tiny.make(data, "loop.steps=120", *tiny_task.MEMORISE)
    _, history = same_batch_step(experiment, next(tiny.batches(experiment)), 120)
    assert history[-1]["loss"] < tiny_task.LEARNED * history[0]["loss"]


def test_micro_batches_of_unequal_weight_give_the_gradient_of_the_whole_batch(data):
    changes = ("precision.param_dtype=float32", "precision.compute_dtype=float32")
    changes += tiny_task.EXACT_PARTS
    results = []
    for parts in (1, 4):
        experiment = tiny.make(data, *changes, f"loop.micro_batches={parts}")
        batch = next(tiny.batches(experiment))
        # The first example counts once, the second twice, and so on.
        count = np.arange(1, len(batch["weights"]) + 1, dtype=np.float32)
        batch["weights"] = (batch["weights"].T * count).T
        results.append(same_batch_step(experiment, batch, 2))
    (whole, whole_history), (dealt, dealt_history) = results
    for one, other in zip(whole_history, dealt_history, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-4)
    compare = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)  # noqa: E731
    jax.tree.map(compare, whole.params, dealt.params)


def poison(batch):
    """A batch whose loss is not a number."""
    return {**batch, "weights": np.full_like(batch["weights"], np.nan)}


def test_a_bad_update_is_not_applied(data):
    experiment = tiny.make(data)
    mesh = tiny.make_mesh()
    program = training.program.make_program(experiment, mesh)
    good, other = itertools.islice(tiny.batches(experiment), 2)
    with jax.set_mesh(mesh):
        put = lambda batch: parallel.rules.put_batch(batch, program.batch)  # noqa: E731
        step = program.compile_train_step(put(good))
        state, _ = step(program.initial_state(), put(good))
        before = jax.device_get((state.params, state.opt_state))
        state, metrics = step(state, put(poison(other)))
        after = jax.device_get((state.params, state.opt_state))
        assert np.isnan(float(metrics["loss"]))
        assert (int(state.step), int(state.skipped), int(state.consecutive_skips)) == (2, 1, 1)
        jax.tree.map(np.testing.assert_array_equal, before, after)
        state, metrics = step(state, put(other))
        assert (int(state.step), int(state.skipped), int(state.consecutive_skips)) == (3, 1, 0)
        changed = jax.tree.map(lambda a, b: np.any(a != b), before[0], jax.device_get(state.params))
        assert all(jax.tree.leaves(changed))


def test_a_gradient_above_the_limit_is_not_applied(data):
    experiment = tiny.make(data, "safety.max_gradient_norm=1e-3")
    state, history = tiny.run_steps(experiment, tiny.make_mesh(), 2)
    assert [each["skipped"] for each in history] == [1, 2]
    fresh, _ = tiny.run_steps(experiment, tiny.make_mesh(), 0)
    jax.tree.map(np.testing.assert_array_equal, state.params, fresh.params)


def test_a_run_that_skips_every_update_stops_and_says_where(data, tmp_path):
    experiment = tiny.make(
        data, "safety.max_gradient_norm=1e-3", "safety.max_consecutive_skips=3", "mesh.data=8"
    )
    run = storage.run_directory.RunDirectory(tmp_path / "run")
    with (
        run.lock(),
        pytest.raises(errors.Diverged, match=r"last 3 updates were skipped \(step=3, .*grad_norm"),
    ):
        training.loop.train(experiment, run)


def test_the_loop_reports_every_step_once(data, tmp_path):
    experiment = tiny.make(data, "mesh.data=8")
    run = storage.run_directory.RunDirectory(tmp_path / "run")
    with run.lock():
        outcome = training.loop.train(experiment, run)
    assert outcome.step == 10 and outcome.signal is None
    rows = reporting.writers.read_metrics(run.metrics)
    assert [row["step"] for row in rows] == list(range(1, 11))
    assert [row["step"] for row in rows if "eval/loss" in row] == [5, 10]
    modules = {f"train/grad_norm/{name}" for name in outcome.state.params}
    for row in rows:
        assert row["train/grad_norm"] > 0 and row["train/learning_rate"] >= 0
        assert {name for name in row if name.startswith("train/grad_norm/")} == modules
    assert {f"eval/{name}" for name in ("loss", *tiny_task.METRICS)} <= rows[-1].keys()
    assert rows[-1]["eval/loss"] < rows[4]["eval/loss"]
    assert run.curves.read_bytes().startswith(b"\x89PNG")


def test_a_compiled_step_refuses_another_shape(data):
    experiment = tiny.make(data)
    mesh = tiny.make_mesh()
    program = training.program.make_program(experiment, mesh)
    batch = next(tiny.batches(experiment))
    with jax.set_mesh(mesh):
        put = parallel.rules.put_batch
        step = program.compile_train_step(put(batch, program.batch))
        fewer = {name: array[:4] for name, array in batch.items()}
        with pytest.raises(TypeError, match=r"\[8.*\] and called with .*\[4"):
            step(program.initial_state(), put(fewer, program.batch))


def test_means_of_parts_add_up_to_the_mean_of_the_whole():
    Mean = training.metrics.Mean
    values, weights = jnp.arange(6.0), jnp.array([1.0, 0, 2, 0, 3, 1])
    whole = {"x": Mean.of(values, weights)}
    parts = [{"x": Mean.of(values[part], weights[part])} for part in (slice(2), slice(2, None))]
    assert float(jax.tree.map(jnp.add, *parts)["x"].value) == float(whole["x"].value)
    assert float(Mean.of(values, jnp.zeros(6)).value) == 0


def test_float32_moments_and_master_weights_whatever_the_policy(data):
    state, _ = tiny.run_steps(tiny.make(data), tiny.make_mesh(), 1)
    floating = [
        leaf
        for leaf in jax.tree.leaves((state.params, state.opt_state))
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    assert {leaf.dtype for leaf in floating} == {jnp.dtype("float32")}
