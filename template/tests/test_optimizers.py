"""The optimizers of `optimizer.py`: what they do, against Optax; groups; training with each."""

import argparse
from typing import Any

import fiddle as fdl
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from . import tiny
from .project import commands, configuration, errors, experiments, optimizer, settings, training

Group = training.groups.Group
CONSTANT = training.schedule.ScheduleSettings(kind="constant", warmup_steps=0)
PLAIN = {"learning_rate": 0.1, "weight_decay": 0.0, "clip_norm": 1e9, "schedule": CONSTANT}
OPTIMIZERS = ("AdamW", "Muon", "Lion", "Adafactor", "SGD", "ScheduleFreeAdamW")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


def params():
    keys = iter(jax.random.split(jax.random.key(0), 6))
    draw = lambda *shape: jax.random.normal(next(keys), shape)  # noqa: E731
    attention = {"query": draw(2, 8, 2, 3), "out": draw(2, 2, 3, 8)}
    blocks = {"attention": attention, "feed_forward": {"up": draw(2, 8, 5)}}
    return {"blocks": blocks, "embedding": draw(7, 8), "norm": {"scale": draw(8)}}


def updated(made, steps=3):
    """Parameters after some updates, by gradients that depend on them."""

    @jax.jit
    def step(now, state):
        grads = jax.tree.map(jnp.sin, now)
        updates, state = made.update(grads, state, now)
        return optax.apply_updates(now, updates), state

    now, state = params(), made.init(params())
    for _ in range(steps):
        now, state = step(now, state)
    return now


def close(one, other):
    compare = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)  # noqa: E731
    jax.tree.map(compare, one, other)


def not_scales(tree):
    return {**jax.tree.map(lambda _: True, tree), "norm": {"scale": False}}


@pytest.mark.parametrize(
    ("made", "judge"),
    [
        (
            optimizer.AdamW(**{**PLAIN, "weight_decay": 0.3}),
            optax.adamw(0.1, 0.9, 0.95, weight_decay=0.3, mask=not_scales),
        ),
        (
            optimizer.Lion(**{**PLAIN, "weight_decay": 0.3}),
            optax.lion(0.1, weight_decay=0.3, mask=not_scales),
        ),
        (optimizer.SGD(**PLAIN, nesterov=True), optax.sgd(0.1, 0.9, nesterov=True)),
        (
            optimizer.Adafactor(**PLAIN, factored_from=4),
            optax.adafactor(0.1, min_dim_size_to_factor=4),
        ),
        (
            optimizer.ScheduleFreeAdamW(**PLAIN),
            optax.contrib.schedule_free_adamw(0.1, b2=0.95),
        ),
    ],
    ids=["AdamW", "Lion", "SGD", "Adafactor", "ScheduleFreeAdamW"],
)
def test_an_optimizer_is_that_of_optax(made, judge):
    close(updated(made.build(10)), updated(judge))


def test_muon_makes_each_layers_matrix_orthogonal_and_leaves_the_rest_to_adam():
    """Against Muon on plain matrices, one for each layer, with all heads of a layer in one."""
    found = updated(optimizer.Muon(**PLAIN).build(10))
    flat = {"query": (8, 6), "out": (6, 8), "up": (8, 5)}
    judge: Any = optax.contrib.muon(0.1, consistent_rms=0.2)
    adam = updated(optax.adam(0.1, 0.9, 0.95))
    for part in ("embedding", "norm"):
        close(found[part], adam[part])
    before = params()["blocks"]
    for name, shape in flat.items():
        part = "feed_forward" if name == "up" else "attention"
        for layer in (0, 1):
            now: Any = before[part][name][layer].reshape(shape)
            state = judge.init(now)
            for _ in range(3):
                updates, state = judge.update(jnp.sin(now), state, now)
                now = optax.apply_updates(now, updates)
            close(found["blocks"][part][name][layer].reshape(shape), now)


def test_axes_that_do_not_fit_a_matrix_are_named():
    wrong = optimizer.Muon(matrices={"embedding": "bio"})
    with pytest.raises(errors.UserError, match=r"'bio' are not the axes of embedding.*\(7, 8\)"):
        wrong.build(10).init(params())
    with pytest.raises(errors.UserError, match="match no parameter"):
        optimizer.Muon(matrices={"nothing": "io"}).build(10).init(params())
    with pytest.raises(errors.UserError, match="say b, i or o of each"):
        optimizer.Muon(matrices={"embedding": "iq"}).build(10).init(params())


def test_a_group_has_its_own_rate_and_decay():
    groups = {
        "attention": Group(patterns=("blocks.attention.*",), rate=0.5, weight_decay=0.0),
        "blocks": Group(patterns=("blocks.*",), rate=2.0),
    }
    made = optimizer.AdamW(**{**PLAIN, "weight_decay": 0.3}, groups=groups)

    def label(tree):
        blocks = {
            "attention": jax.tree.map(lambda _: "attention", tree["blocks"]["attention"]),
            "feed_forward": jax.tree.map(lambda _: "blocks", tree["blocks"]["feed_forward"]),
        }
        return {"blocks": blocks, "embedding": "rest", "norm": {"scale": "scale"}}

    adamw = lambda rate, decay: optax.adamw(rate, 0.9, 0.95, weight_decay=decay)  # noqa: E731
    judge = optax.partition(
        {
            "attention": adamw(0.05, 0.0),
            "blocks": adamw(0.2, 0.3),
            "rest": adamw(0.1, 0.3),
            "scale": adamw(0.1, 0.0),
        },
        label,
    )
    close(updated(made.build(10)), updated(judge))
    rates = {name: float(rate(5)) for name, rate in made.rates(10).items()}
    assert rates == pytest.approx(
        {"learning_rate": 0.1, "learning_rate/attention": 0.05, "learning_rate/blocks": 0.2}
    )


def chosen(data, name, **values):
    """The tiny experiment with another optimizer."""
    experiment = tiny.make(data)
    kept = {each: getattr(experiment.optimizer, each) for each in ("schedule", "learning_rate")}
    made = getattr(optimizer, name)(**(kept | values))
    return experiment.model_copy(update={"optimizer": made})


RATES = {"AdamW": 5e-3, "Muon": 5e-3, "Lion": 1e-3, "Adafactor": 2e-2, "SGD": 2e-2}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_with_each_lowers_the_loss(data, name):
    """The loss of one batch, which it learns by heart."""
    experiment = chosen(data, name, learning_rate=RATES.get(name, 1e-2))
    mesh = tiny.make_mesh()
    program = training.program.make_program(experiment, mesh)
    with jax.set_mesh(mesh):
        batch = program.put(next(tiny.batches(experiment)))
        step, state, history = program.compile_train_step(batch), program.initial_state(), []
        for _ in range(8):
            state, metrics = step(state, batch)
            history.append(jax.device_get(metrics))
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[3]["learning_rate"] > 0


def first_paths(experiment):
    """The path of the first parameter that is no other's ending, and the paths of all."""
    model = nnx.eval_shape(
        lambda: experiment.model.build(rngs=nnx.Rngs(0), precision=experiment.precision)
    )
    paths = [".".join(map(str, keys)) for keys, _ in nnx.to_flat_state(nnx.state(model, nnx.Param))]
    alone = (path for path in paths if not any(each.endswith(f".{path}") for each in paths))
    return next(alone), paths


def test_frozen_weights_stay_and_cost_nothing(data):
    path, paths = first_paths(tiny.make(data))
    groups = {"still": Group(patterns=(path,), frozen=True)}
    experiment = chosen(data, "AdamW", groups=groups)
    state, history = tiny.run_steps(experiment, tiny.make_mesh(), 3)
    fresh, _ = tiny.run_steps(experiment, tiny.make_mesh(), 0)

    def by_path(tree):
        leaves = jax.tree_util.tree_leaves_with_path(tree)
        text = jax.tree_util.keystr
        return {text(where, simple=True, separator="."): leaf for where, leaf in leaves}

    frozen = by_path(state.variables)[path]
    assert frozen.dtype == jnp.dtype(experiment.precision.param_dtype)
    np.testing.assert_array_equal(frozen, by_path(fresh.variables)[path])
    assert by_path(state.params).keys() == set(paths) - {path}
    assert not any(name.endswith(f".{path}") for name in by_path(state.opt_state))
    assert set(history[0]) >= {"learning_rate"} and "learning_rate/still" not in history[0]
    plain, _ = tiny.run_steps(chosen(data, "AdamW"), tiny.make_mesh(), 0)
    np.testing.assert_array_equal(frozen, by_path(plain.params)[path].astype(frozen.dtype))


def test_the_mesh_changes_nothing_about_frozen_weights(data):
    path, _ = first_paths(tiny.make(data))
    experiment = chosen(data, "AdamW", groups={"still": Group(patterns=(path,), frozen=True)})
    histories = [
        tiny.run_steps(experiment, mesh, 3)[1]
        for mesh in (tiny.make_mesh(), tiny.make_mesh(1, 8, fsdp=True))
    ]
    losses = [[each["loss"] for each in history] for history in histories]
    np.testing.assert_allclose(*losses, rtol=2e-3)


def test_patterns_that_match_nothing_and_groups_that_leave_nothing_are_errors(data):
    wrong = {"typo": Group(patterns=(first_paths(tiny.make(data))[0] + "z",))}
    with pytest.raises(errors.UserError, match=r"groups\['typo'\].*matches no parameter") as caught:
        training.program.make_program(chosen(data, "AdamW", groups=wrong), tiny.make_mesh())
    assert first_paths(tiny.make(data))[0] in str(caught.value)
    everything = {"all": Group(patterns=("*",), frozen=True)}
    with pytest.raises(errors.UserError, match="nothing to train"):
        training.program.make_program(chosen(data, "AdamW", groups=everything), tiny.make_mesh())


class Mine(settings.Settings):
    """An optimizer as people write their own: `build` alone."""

    rate: float = 1e-2

    def build(self, steps):
        return optax.contrib.schedule_free_adamw(self.rate)


def test_an_optimizer_that_only_builds_is_enough(data):
    """And where it averages weights, the average is evaluated."""
    experiment = tiny.make(data).model_copy(update={"optimizer": Mine()})
    state, history = tiny.run_steps(experiment, tiny.make_mesh(), 3)
    assert "learning_rate" not in history[0]
    program = training.program.make_program(experiment, tiny.make_mesh())
    model = training.evaluation.inference_model(
        program.layout.graphdef, state, experiment.precision
    )
    average = optax.contrib.schedule_free_eval_params(state.opt_state, state.params)
    used = nnx.to_pure_dict(nnx.state(model, nnx.Param))
    dtype = experiment.precision.param_dtype
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b.astype(dtype)), used, average)
    assert any(
        np.any(a != b.astype(dtype))
        for a, b in zip(jax.tree.leaves(used), jax.tree.leaves(state.params), strict=True)
    )


def test_the_configuration_shows_what_is_in_which_group(data, monkeypatch, capsys):
    path, paths = first_paths(tiny.make(data))

    def grouped(config: fdl.Config) -> None:
        one = fdl.Config(Group, patterns=(path,), frozen=True)
        config.optimizer = fdl.Config(optimizer.Muon, learning_rate=0.25, groups={"one": one})

    monkeypatch.setattr(experiments, "grouped", grouped, raising=False)
    directives = [*tiny.directives(data), "fiddler:grouped"]
    config = configuration.compose(directives, experiments)
    again = configuration.load_json(configuration.dump_json(config))
    assert configuration.build(again).optimizer == configuration.build(config).optimizer
    parser = argparse.ArgumentParser()
    commands.config.add_arguments(parser)
    words = [f"--config={each}" for each in directives]
    assert commands.config.run(parser.parse_args(["show", *words])) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    (one,) = (line for line in lines if line[0] == "one")
    (others,) = (line for line in lines if line[0] == "(others)")
    assert one[1] == "1" and one[3:] == ["frozen", path]
    assert others[1] == str(len(paths) - 1) and others[3] == "0.25"
