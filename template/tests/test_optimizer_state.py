"""Where the state of any optimizer of Optax's lies, and that it is saved and restored."""

import functools
import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from .project import parallel, storage, training

SHAPES: dict[str, Any] = {  # of parameters, with the axes of the mesh that they lie on
    "blocks": {"query": ((2, 8, 4, 6), (None, "data", "model", None))},
    "layers": {0: {"down": ((16, 8), ("model", "data"))}, 1: {"scale": ((8,), ("data",))}},
    "bias": ((6,), (None,)),
}
MESHES = {"one device": (1, 1), "eight devices": (2, 4)}


def make_mesh(model, data):
    """A mesh over the first devices; the module knows no task, so one project's run shows it."""
    settings = parallel.mesh.MeshSettings(model=model, data=data)
    return parallel.mesh.create_mesh(settings, jax.devices()[: model * data])


def _is_shape(node):
    return isinstance(node, tuple)


def decays(params):
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def labels(params):
    return jax.tree.map(lambda leaf: "a" if leaf.ndim > 1 else "b", params)


ADAM = optax.adam(1e-2)
ARGUMENTS = {
    "adv_optimizer": optax.sgd(1e-2),
    "base_optimizer": ADAM,
    "clipping": 1.0,
    "decay": 0.9,
    "eta": 0.01,
    "f": lambda updates, params: updates,
    "freeze_mask": decays,
    "gamma": 0.5,
    "inner": ADAM,
    "key": jax.random.key(0),
    "learning_rate": 1e-2,
    "mask": decays,
    "max_backtracking_steps": 3,
    "max_consecutive_errors": 3,
    "max_delta": 1.0,
    "max_linesearch_steps": 3,
    "max_norm": 1.0,
    "measure": lambda updates: optax.tree.norm(updates),
    "measure_name": "norm",
    "min_dim_size_to_factor": 4,
    "optimizer": ADAM,
    "param_labels": labels,
    "should_transform_fn": lambda step: step >= 0,
    "step_size": 0.1,
    "step_size_fn": lambda step: 0.1,
    "threshold": 1.0,
    "transforms": {"a": ADAM, "b": optax.sgd(1e-2, 0.9)},
    "tx": ADAM,
}
"""What the functions of Optax are called with, by the names of their parameters."""

UNANNOTATED = ("dog", "dowg")  # functions that do not say what they return
NOT_HERE = {
    "chain": "is a chain of others",
    "named_chain": "is a chain of others",
    "differentially_private_aggregate": "takes a gradient of each example",
    "dpsgd": "takes a gradient of each example",
    "lookahead": "takes pairs of parameters, fast and slow",
    "measure_with_ema": "measures, and updates nothing",
    "scale_by_muon": "takes matrices only; muon is here",
    "stateless_with_tree_map": "has no state; stateless is here",
}
LAID_OUT_ONLY = {
    "galore": "holds arrays without a number, which Orbax does not save",
    "lbfgs": "asks for the loss as a function",
    "sam": "refuses the loss, which the step tells",
    "sophia": "asks for the loss as a function",
}


class Averaged(NamedTuple):
    """The state of a wrapper that holds a copy of the weights."""

    inner: Any
    average: Any


def averaging(inner):
    def update(updates, state, params):
        updates, after = inner.update(updates, state.inner, params)
        assert params is not None
        return updates, Averaged(after, optax.apply_updates(params, updates))

    make: Any = optax.GradientTransformation
    return make(lambda params: Averaged(inner.init(params), params), update)


def optimizers():
    """Every optimizer of the installed Optax, and some that are made of others."""
    found: dict[str, Any] = {
        "averaging": averaging(ADAM),
        "inject_hyperparams": optax.inject_hyperparams(optax.adamw)(learning_rate=1e-2),
        "MultiSteps": optax.MultiSteps(ADAM, 2).gradient_transformation(),
    }
    for name, function in {**vars(optax), **vars(optax.contrib)}.items():
        if name[0] == "_" or name in NOT_HERE or not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        result = str(signature.return_annotation)
        made = "GradientTransformation" in result and "Callable" not in result
        if made or name in UNANNOTATED:
            needed = {
                each.name
                for each in signature.parameters.values()
                if each.default is each.empty and each.kind is not each.VAR_POSITIONAL
            }
            given = signature.parameters.keys() & (ARGUMENTS.keys() | needed)
            found[name] = function(**{each: ARGUMENTS[each] for each in given})
    return found


OPTIMIZERS = optimizers()


def test_it_has_looked_for_them():
    assert {"adamw", "adafactor", "muon", "partition", "dog", "schedule_free"} <= OPTIMIZERS.keys()
    assert len(OPTIMIZERS) > 90
    assert (NOT_HERE | LAID_OUT_ONLY).keys() <= {*vars(optax), *vars(optax.contrib)}


@functools.cache
def laid_out(mesh):
    """Parameters on a mesh, their shardings, and those of the states of all optimizers."""
    shardings = jax.tree.map(
        lambda each: NamedSharding(mesh, PartitionSpec(*each[1])), SHAPES, is_leaf=_is_shape
    )
    params = jax.tree.map(
        lambda each, to: jax.device_put(jnp.linspace(-1, 1, np.prod(each[0])).reshape(each[0]), to),
        SHAPES,
        shardings,
        is_leaf=_is_shape,
    )
    states = {
        name: parallel.rules.shardings_like(
            jax.eval_shape(optimizer.init, params), params, shardings, mesh
        )
        for name, optimizer in OPTIMIZERS.items()
    }
    return params, shardings, states


def test_what_is_shaped_like_a_parameter_lies_where_it_lies():
    mesh = make_mesh(2, 4)
    params, shardings, states = laid_out(mesh)
    ends = {
        jax.tree_util.keystr(path): (param.shape, sharding)
        for (path, param), sharding in zip(
            jax.tree_util.tree_leaves_with_path(params), jax.tree.leaves(shardings), strict=True
        )
    }
    for name, optimizer in OPTIMIZERS.items():
        like = 0
        shapes = jax.tree_util.tree_leaves_with_path(jax.eval_shape(optimizer.init, params))
        for (path, leaf), sharding in zip(shapes, jax.tree.leaves(states[name]), strict=True):
            text = jax.tree_util.keystr(path)
            param = next((param for end, param in ends.items() if text.endswith(end)), None)
            if param is not None and param[0] == leaf.shape:
                assert sharding == param[1], (name, text)
                like += 1
            elif leaf.ndim == 0:
                assert sharding.spec == PartitionSpec(), (name, text)
        if name in ("adam", "muon", "averaging", "MultiSteps", "partition", "schedule_free_adamw"):
            assert like, name


def test_a_factored_moment_lies_where_the_axes_that_it_has_lie():
    _, _, states = laid_out(make_mesh(2, 4))
    moments = next(part for part in states["adafactor"] if hasattr(part, "v_row"))
    assert tuple(moments.v_row["layers"][0]["down"].spec) == ("data",)  # of [16, 8]
    assert tuple(moments.v_col["layers"][0]["down"].spec) == ("model",)
    assert tuple(moments.v_row["blocks"]["query"].spec) == (None, "model", None)  # no 8
    assert tuple(moments.v["blocks"]["query"].spec) == ()


def test_what_is_not_certain_is_replicated():
    mesh = make_mesh(2, 4)
    like = parallel.rules.shardings_like
    shardings = {"w": NamedSharding(mesh, PartitionSpec("model", "data"))}
    params, vector = {"w": jnp.zeros((8, 8))}, jnp.zeros(8)
    found = like(
        {"row": {"w": vector}, "history": {"w": jnp.zeros((3, 8, 8))}, "flat": [vector]},
        params,
        shardings,
        mesh,
    )
    assert found["row"]["w"].spec == found["flat"][0].spec == PartitionSpec()
    assert tuple(found["history"]["w"].spec) == (None, "model", "data")
    renamed = like(optax.LookaheadParams(params, params), params, shardings, mesh)
    assert renamed.fast["w"].spec == renamed.slow["w"].spec == PartitionSpec("model", "data")
    listed = like(jax.tree.leaves(params), params, shardings, mesh)
    assert tuple(listed[0].spec) == ("model", "data")


def compiled_step(optimizer, shardings, params):
    """The first state of a quadratic's training, its shapes, and the step, compiled as a run's."""

    def begin(params):
        return params, optimizer.init(params)

    def step(trained):
        params, state = trained
        grads = jax.tree.map(lambda leaf: leaf - 0.5, params)
        loss = 0.5 * optax.tree.norm(grads, squared=True)
        update = optax.with_extra_args_support(optimizer).update
        updates, after = update(grads, state, params, value=loss)
        params = optax.apply_updates(params, updates)
        return training.safety.keep_if(jnp.isfinite(loss), (params, after), trained)

    first = jax.block_until_ready(jax.jit(begin, out_shardings=shardings)(params))
    abstract = jax.tree.map(
        lambda leaf, to: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=to), first, shardings
    )
    jitted = jax.jit(step, donate_argnums=0, out_shardings=shardings)
    return first, abstract, jitted.lower(abstract).compile()


@pytest.mark.parametrize("mesh", MESHES)
def test_any_optimizer_is_updated_saved_and_restored(mesh, tmp_path):
    """All of them in one checkpoint; what is restored goes on bit for bit."""
    mesh = make_mesh(*MESHES[mesh])
    params, shardings, states = laid_out(mesh)
    chosen = [
        name
        for name in OPTIMIZERS
        if name not in LAID_OUT_ONLY and not name.startswith("scale_by_")  # others' parts
    ]
    first, abstract, steps = {}, {}, {}
    with jax.set_mesh(mesh), jax.numpy_rank_promotion("allow"), jax.debug_key_reuse(False):
        for name in chosen:
            first[name], abstract[name], steps[name] = compiled_step(
                OPTIMIZERS[name], (shardings, states[name]), params
            )
        trained = one_by_one(steps, first)
        settings = storage.checkpoints.CheckpointSettings()
        with storage.checkpoints.Checkpoints(tmp_path / "saved", settings) as checkpoints:
            checkpoints.save(1, trained, NoData())
        expected = one_by_one(steps, trained)
        with storage.checkpoints.Checkpoints(tmp_path / "saved", settings) as checkpoints:
            restored = checkpoints.restore(abstract)
        assert restored is not None
        found = one_by_one(steps, restored.state)
    found, expected = (jax.device_get(_numbers(each)) for each in (found, expected))
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    for name, (after, _) in found.items():
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after)), name


def one_by_one(steps, states):
    """Each state a step further. Simulated devices that have several programs under way can wait
    for each other for ever: there are more of them than threads.
    """
    return {name: jax.block_until_ready(step(states[name])) for name, step in steps.items()}


class NoData:
    def get_state(self):
        return {}

    def set_state(self, state):
        pass


def _numbers(tree):
    """Random keys as numbers, which can be compared."""
    is_key = lambda leaf: jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)  # noqa: E731
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if is_key(leaf) else leaf, tree)
