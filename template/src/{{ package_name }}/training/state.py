"""The state of a run: plain arrays in plain containers, laid out over the mesh."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.sharding import Mesh
from jaxtyping import Array, Int, PRNGKeyArray, PyTree
from optax.contrib import ScheduleFreeState, schedule_free_eval_params

from ..numerics.precision import cast_floating
from ..parallel.mesh import get_sharding_spec
from ..parallel.rules import shardings_like, weight_shardings
from .experiment import Experiment
from .groups import freeze_groups

# Where a mesh is set, NNX takes the dimension names of a parameter for axes of it.
_NO_MESH = jax.sharding.AbstractMesh((), ())


class TrainState(NamedTuple):
    """Everything that a step changes and a checkpoint keeps.

    Attributes:
        step: Batches consumed so far.
        key: Root of the run's randomness; step k uses ``fold_in(key, k)``.
        params: Float32 master weights of what is trained, nested by module. The model computes
            with a copy in the policy's `param_dtype`.
        variables: The model's other variables: running statistics, and frozen weights.
        opt_state: The optimizer's state.
        skipped: Updates not applied so far, in all.
        consecutive_skips: Updates not applied since the last one that was.
    """

    step: Int[Array, ""]
    key: PRNGKeyArray
    params: PyTree
    variables: PyTree
    opt_state: PyTree
    skipped: Int[Array, ""]
    consecutive_skips: Int[Array, ""]


@dataclass(frozen=True)
class StateLayout:
    """What is known of a run's state before a single weight exists.

    Attributes:
        graphdef: The model's structure; with arrays it makes a module (`nnx.merge`).
        abstract: Shapes, dtypes and shardings of the state.
    """

    graphdef: nnx.GraphDef
    abstract: TrainState

    @property
    def shardings(self) -> TrainState:
        """The shardings alone."""
        return jax.tree.map(lambda leaf: leaf.sharding, self.abstract)


def state_layout(
    experiment: Experiment, optimizer: optax.GradientTransformation, mesh: Mesh
) -> StateLayout:
    """Trace the initialisation, without computing it, and lay its result out over the mesh.

    Raises:
        UserError: A dimension of a parameter is not divisible by its mesh axis, or a group of the
            optimizer's does not fit the model.
    """
    with jax.sharding.use_abstract_mesh(_NO_MESH):
        model = nnx.eval_shape(lambda: _build(experiment, jax.random.key(0)))
    graphdef, *parts = nnx.split(model, nnx.Param, ...)
    params, variables = (weight_shardings(part, mesh, experiment.mesh) for part in parts)
    abstract = jax.eval_shape(lambda: initial_state(experiment, optimizer))
    opt_state = shardings_like(abstract.opt_state, abstract.params, params, mesh)
    shardings = jax.tree.map(lambda _: get_sharding_spec(mesh, ()), abstract)
    shardings = shardings._replace(params=params, variables=variables, opt_state=opt_state)
    abstract = jax.tree.map(lambda leaf, to: leaf.update(sharding=to), abstract, shardings)
    return StateLayout(graphdef, abstract)


def initial_state(experiment: Experiment, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first step; compile it with the layout's shardings as output."""
    init_key, train_key = jax.random.split(jax.random.key(experiment.seed))
    _, params, variables = nnx.split(_build(experiment, init_key), nnx.Param, ...)
    master = cast_floating(nnx.to_pure_dict(params), "float32")
    variables, opt_state = nnx.to_pure_dict(variables), optimizer.init(master)
    step, skipped, consecutive_skips = jnp.zeros(3, jnp.int32)
    return TrainState(step, train_key, master, variables, opt_state, skipped, consecutive_skips)


def _build(experiment: Experiment, key: PRNGKeyArray) -> Any:
    model = experiment.model.build(rngs=nnx.Rngs(key), precision=experiment.precision)
    freeze_groups(model, experiment.optimizer)
    return model


@runtime_checkable
class Averages(Protocol):
    """An optimizer's state, or a part of it, that averages weights."""

    def evaluation_params(self, params: PyTree) -> PyTree:
        """The weights to evaluate in the place of those that are trained."""
        ...


def evaluation_params(state: TrainState) -> PyTree:
    """The weights to evaluate: those that are trained, or an average that the optimizer keeps."""
    kinds = (Averages, ScheduleFreeState, TrainState)
    parts = jax.tree.leaves(state.opt_state, is_leaf=lambda part: isinstance(part, kinds))
    for part in parts:
        if isinstance(part, Averages):
            return part.evaluation_params(state.params)
        if isinstance(part, ScheduleFreeState):
            return schedule_free_eval_params(part, state.params)
    return state.params
