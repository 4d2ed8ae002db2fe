"""Forecast intervals: how they are adjusted, and that a run keeps and uses it."""

import dataclasses
import json
from statistics import NormalDist

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from . import tiny
from .project import command_line, commands, errors, hooks, intervals

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
NORMAL = NormalDist()
TRUE = np.array([NORMAL.inv_cdf(level) for level in LEVELS])


def forecasts(width, windows, horizon=6, channels=1, bias=0.0):
    """Normal quantiles around 0, so much too wide or too narrow."""
    quantiles = bias + np.asarray(width)[..., None] * TRUE
    return np.broadcast_to(quantiles, (windows, horizon, channels, len(LEVELS)))


def fit(quantiles, targets):
    return intervals.fit_factors(LEVELS, quantiles, targets, np.ones_like(targets))


def covered(quantiles, factors, targets):
    """The shares of targets in the 80 % and in the 95 % interval."""
    told = np.asarray(intervals.stretch(jnp.float32(quantiles), factors))
    assert (np.diff(told, axis=-1) >= 0).all()
    np.testing.assert_array_equal(told[..., 2], np.float32(quantiles[..., 2]))
    inside = [(told[..., at] <= targets) & (targets <= told[..., -1 - at]) for at in (1, 0)]
    return [float(each.mean()) for each in inside]


@pytest.mark.parametrize("width", [0.5, 2.0])
@pytest.mark.parametrize("bias", [0.0, 0.4])
def test_intervals_cover_their_share_of_what_comes_later(width, bias):
    held_out, later = np.random.default_rng(0).normal(size=(2, 600, 6, 1))
    quantiles = forecasts(width, 600, bias=bias)
    found = fit(quantiles, held_out)
    assert covered(quantiles, found.factors, later) == pytest.approx([0.8, 0.95], abs=0.02)
    assert covered(quantiles, np.ones((6, 5)), later)[0] != pytest.approx(0.8, abs=0.1)
    if not bias:
        np.testing.assert_allclose(found.factors[:, [0, 1, 3, 4]], 1 / width, rtol=0.25)


def test_each_step_and_each_tail_is_adjusted_by_itself():
    grows = np.arange(1, 7)[:, None]
    held_out, later = np.random.default_rng(1).gamma(2, size=(2, 900, 6, 1)) * grows
    quantiles = forecasts(1.0, 900, bias=1.7)
    found = fit(quantiles, held_out)
    rising = found.factors[:, 3]
    assert (np.diff(rising) > 0).all() and rising[-1] > 4 * rising[0]
    assert found.factors[5, 3] > 3 * found.factors[5, 1]
    assert covered(quantiles, found.factors, later) == pytest.approx([0.8, 0.95], abs=0.02)


def test_the_unit_of_a_series_does_not_matter():
    targets = np.random.default_rng(2).normal(size=(200, 6, 2))
    unit = np.array([1.0, 1e6])
    one = fit(forecasts(0.7, 200, channels=2), targets)
    other = fit(forecasts(0.7, 200, channels=2) * unit[:, None], targets * unit)
    np.testing.assert_allclose(one.factors, other.factors, rtol=1e-6)


def test_windows_that_overlap_are_worth_fewer():
    random = np.random.default_rng(3)
    independent = random.random((300, 1, 1)) < 0.1
    there = np.ones_like(independent)
    assert intervals.effective_size(independent, there) == pytest.approx(300, rel=0.15)
    repeated = np.repeat(independent[:60], 5, axis=0)
    assert intervals.effective_size(repeated, there) == pytest.approx(60, rel=0.3)
    both = np.concatenate([repeated, repeated], axis=2)
    twice = intervals.effective_size(both, np.ones_like(both))
    assert twice == pytest.approx(2 * intervals.effective_size(repeated, there))


def test_windows_that_resemble_each_other_are_not_taken_for_as_many():
    """A correction that counts windows covers too little here; this one covers its share."""
    random, count, kept = np.random.default_rng(4), 150, 0.9
    walks = random.normal(size=(100, count))
    for at in range(1, count):
        walks[:, at] = kept * walks[:, at - 1] + np.sqrt(1 - kept**2) * walks[:, at]
    ours, usual = [], []
    for held_out in walks[:, :, None, None]:
        factors = fit(forecasts(1.0, count, horizon=1), held_out).factors[0]
        low, high = factors[1] * TRUE[1], factors[3] * TRUE[3]
        ours.append(NORMAL.cdf(high) - NORMAL.cdf(low))
        low, high = np.quantile(held_out, [1 - 0.9 * (1 + 1 / count), 0.9 * (1 + 1 / count)])
        usual.append(NORMAL.cdf(high) - NORMAL.cdf(low))
    assert np.mean(usual) < 0.77
    assert np.mean(ours) == pytest.approx(0.8, abs=0.03)


def test_too_few_windows_are_told_and_take_the_largest_error():
    targets = np.random.default_rng(5).normal(size=(12, 2, 1))
    quantiles = forecasts(1.0, 12, horizon=2)
    found = fit(quantiles, targets)
    note = intervals.calibration_of(LEVELS, found)["note"]
    assert "intervals of 95 % are as wide as its largest errors" in note and "\n" not in note
    assert "fewer than the 39" in note
    top = np.max(targets / TRUE[-1])
    np.testing.assert_allclose(found.factors[:, -1], top)
    many = fit(forecasts(1.0, 900), np.random.default_rng(6).normal(size=(900, 6, 1)))
    assert "note" not in intervals.calibration_of(LEVELS, many)


def test_missing_targets_do_not_count():
    targets = np.random.default_rng(7).normal(size=(100, 6, 1))
    weights = np.ones_like(targets)
    weights[::3] = 0
    quantiles = forecasts(0.5, 100)
    changed = np.where(weights > 0, targets, 1e9)
    one = intervals.fit_factors(LEVELS, quantiles, targets, weights)
    other = intervals.fit_factors(LEVELS, quantiles, changed, weights)
    np.testing.assert_array_equal(one.factors, other.factors)


def test_the_metric_against_numbers_worked_out_by_hand():
    outputs = {"q0.1": jnp.float32([[[1], [1]]]), "q0.9": jnp.float32([[[3], [3]]])}
    batch = {
        "targets": jnp.float32([[[2], [4]]]),
        "weights": jnp.float32([[[1], [1]]]),
        "scales": jnp.float32([[2]]),
    }
    metric = intervals.Intervals(shares=(0.8,))
    told = metric.compute(jax.tree.map(np.asarray, metric.collect(outputs, batch)))
    # Twice a width of 2 / 2; outside by 1 / 2 once, times 2 / (1 - 0.8).
    expected = {"coverage_80": 0.5, "width_80": 1.0, "msis_80": 1 + 0.5 * 10 / 2}
    assert told == pytest.approx(expected)
    with pytest.raises(errors.UserError, match=r"needs the quantile 0.025, which model.levels la"):
        intervals.Intervals().collect(outputs, batch)


# A run


def run(*words):
    return command_line.main([str(word) for word in words])


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    data = tiny.prepare(folder)
    options = [f"--config={each}" for each in tiny.directives(data)]
    options.append("--config=fiddler:ema")
    assert run("train", "--run-dir", folder / "run", *options) == 0
    return folder


def test_every_checkpoint_keeps_an_adjustment_of_its_own(lab):
    kept = {}
    for step in ("6", "8", "10"):
        for weights in ("trained", "ema"):
            program = commands._run.open_run(lab / "run", step, weights).program
            kept[step, weights] = json.dumps(program.experiment.prediction.adjustment["factors"])
    assert len(set(kept.values())) == 6


def test_the_adjustment_is_that_of_the_validation_split(lab):
    program, state, _ = commands._run.open_run(lab / "run")
    again = hooks.calibration.Calibration()
    plain = program.experiment.prediction.model_copy(update={"adjustment": {}})
    experiment = program.experiment.model_copy(update={"prediction": plain})
    with jax.set_mesh(program.mesh):
        found = again.measure(dataclasses.replace(program, experiment=experiment), state)
    np.testing.assert_allclose(
        found["factors"], program.experiment.prediction.adjustment["factors"], rtol=1e-5
    )


def test_evaluate_and_predict_use_it(lab, capsys):
    (lab / "new.csv").write_text((lab / "tables" / "shops.csv").read_text())
    words = ("evaluate", "--run-dir", lab / "run", "--split", "validation")
    assert run(*words) == 0
    told = capsys.readouterr()
    metrics = {name: float(value) for name, value in map(str.split, told.out.splitlines()[1:])}
    assert 0.75 < metrics["coverage_80"] < metrics["coverage_95"]
    assert told.err.startswith("note: the validation split is worth about")
    assert run("predict", "--run-dir", lab / "run", "--source", lab / "new.csv") == 0
    row = json.loads(capsys.readouterr().out.splitlines()[0])
    program, state, _ = commands._run.open_run(lab / "run")
    data = program.experiment.data
    (chunk, *_) = program.prediction.read(data, [str(lab / "new.csv")], targets=False)
    inputs = (chunk.batch[name] for name in program.prediction.input_specs(data))
    raw = program.model(state)(*map(jnp.asarray, inputs))
    factors = np.array(program.prediction.adjustment["factors"])
    expected = np.asarray(intervals.stretch(raw, factors))[0, 0, 0]
    names = [name for name in row if name.startswith("q")]
    np.testing.assert_allclose([row[name] for name in names], expected, rtol=1e-4)
    assert not np.allclose(expected, raw[0, 0, 0], rtol=1e-3)


def test_a_configuration_leaves_the_adjustment_empty(lab, capsys):
    words = ("train", "--run-dir", lab / "x", "--config=config:smoke")
    assert run(*words, "--config=set:prediction.adjustment={'factors': [1]}") == 2
    assert "prediction.adjustment" in capsys.readouterr().err
