"""Groups of parameters that are trained in their own way, or not at all.

A group is found by patterns: globs of the dotted path of a parameter, or of the end of that path
from one of its names on. ``blocks.attention.*`` stands for all weights of attention, ``scale`` for
every scale. A parameter belongs to the first group with a pattern that matches it.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Protocol, runtime_checkable

import jax
import optax
from flax import nnx
from jaxtyping import PyTree
from pydantic import Field

from ..errors import UserError
from ..numerics.parameters import freeze
from ..numerics.shapes import AnyArray
from ..settings import Settings


class Group(Settings):
    """Parameters that are trained in their own way.

    Attributes:
        patterns: Which parameters.
        rate: Factor of the optimizer's learning rate.
        weight_decay: In the place of the optimizer's; None leaves that.
        frozen: They stay as they are: no gradient, nothing of them in the optimizer's state, and
            no float32 master copy.
    """

    patterns: tuple[str, ...] = Field(min_length=1)
    rate: float = Field(default=1.0, gt=0)
    weight_decay: float | None = Field(default=None, ge=0)
    frozen: bool = False


Groups = Mapping[str, Group]


@runtime_checkable
class Grouped(Protocol):
    """Settings of an optimizer with groups, which are frozen and shown by what stands here."""

    learning_rate: float
    groups: Groups


def matches(path: str, *patterns: str) -> bool:
    """Whether one of some patterns stands for the parameter at a dotted path."""
    ways = (way for pattern in patterns for way in (pattern, f"*.{pattern}"))
    return any(fnmatchcase(path, way) for way in ways)


def group_of(path: str, groups: Groups) -> str | None:
    """The name of the group that the parameter at a dotted path belongs to, if any."""
    return next((name for name, group in groups.items() if matches(path, *group.patterns)), None)


def map_with_path(function: Callable[..., Any], tree: PyTree, *others: PyTree) -> PyTree:
    """`jax.tree.map` for a function that takes the dotted path of a leaf first."""

    def call(path: tuple[Any, ...], *leaves: Any) -> Any:
        return function(jax.tree_util.keystr(path, simple=True, separator="."), *leaves)

    return jax.tree.map_with_path(call, tree, *others)


def add_decayed_weights(
    weight_decay: float, groups: Groups, exempt: Iterable[str]
) -> optax.GradientTransformation:
    """Optax's transformation of this name, with each group's own decay.

    Args:
        weight_decay: Decay of parameters in no group, or in one that states none.
        groups: The groups.
        exempt: Patterns of parameters that never decay.
    """
    exempt = tuple(exempt)

    def decay(path: str, update: AnyArray, param: AnyArray) -> AnyArray:
        if matches(path, *exempt):
            return update
        name = group_of(path, groups)
        own = None if name is None else groups[name].weight_decay
        return update + (weight_decay if own is None else own) * param

    return optax.stateless(lambda updates, params: map_with_path(decay, updates, params))


def scale_by_group(groups: Groups) -> optax.GradientTransformation:
    """Scale updates by the rates of their groups."""

    def scale(path: str, update: AnyArray) -> AnyArray:
        name = group_of(path, groups)
        return update if name is None else groups[name].rate * update

    return optax.stateless(lambda updates, _: map_with_path(scale, updates))


def members(model: nnx.Module, groups: Groups) -> dict[str | None, dict[str, nnx.Variable]]:
    """The parameters of each group by their paths, those of no group under None.

    Raises:
        UserError: A pattern matches nothing, or nothing is left to train.
    """
    found: dict[str | None, dict[str, nnx.Variable]] = {None: {}, **{name: {} for name in groups}}
    for keys, variable in nnx.to_flat_state(nnx.state(model, nnx.Param)):
        path = ".".join(map(str, keys))
        found[group_of(path, groups)][path] = variable
    paths = [path for part in found.values() for path in part]
    for name, group in groups.items():
        for pattern in group.patterns:
            if not any(matches(path, pattern) for path in paths):
                near = get_close_matches(pattern, paths, n=3, cutoff=0.4) or paths[:3]
                raise UserError(
                    f"optimizer.groups[{name!r}].patterns: {pattern!r} matches no parameter of the "
                    f"model, which has {', '.join(near)} and others"
                )
    if all(name and groups[name].frozen for name, part in found.items() if part):
        raise UserError("optimizer.groups: every parameter is frozen, so there is nothing to train")
    return found


def freeze_groups(model: nnx.Module, optimizer: Any) -> None:
    """Make the parameters `Frozen`, in place, that an optimizer's settings freeze.

    Raises:
        UserError: A pattern matches nothing, or nothing is left to train.
    """
    if isinstance(optimizer, Grouped) and optimizer.groups:
        found, groups = members(model, optimizer.groups), optimizer.groups
        freeze(model, {path for name in groups if groups[name].frozen for path in found[name]})


def describe_groups(experiment: Any, info: Mapping[str, Any]) -> str:
    """A table of what is in which group of an experiment's optimizer; nothing without groups.

    Args:
        experiment: An `Experiment`. Its model is traced, not built.
        info: What its data says of itself.
    """
    optimizer = experiment.optimizer
    if not (isinstance(optimizer, Grouped) and optimizer.groups):
        return ""
    try:
        build = experiment.fitted(info).model.build
        model = nnx.eval_shape(lambda: build(rngs=nnx.Rngs(0), precision=experiment.precision))
    except (UserError, ValueError) as error:
        return f"groups: not known before the model is ({error})\n"
    row = "{:<12}  {:>6}  {:>14}  {:>8}  {}\n".format
    table = row("group", "arrays", "parameters", "rate", "patterns")
    for name, part in members(model, optimizer.groups).items():
        group = Group(patterns=("*",)) if name is None else optimizer.groups[name]
        rate = "frozen" if group.frozen else f"{optimizer.learning_rate * group.rate:.4g}"
        count = f"{sum(variable.size for variable in part.values()):,}"
        table += row(name or "(others)", len(part), count, rate, " ".join(group.patterns))
    return table
