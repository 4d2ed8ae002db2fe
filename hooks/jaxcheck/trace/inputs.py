"""Makes up inputs from annotations."""

import enum
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
from flax import nnx

from .annotations import (
    alternatives,
    brief,
    dtype_of,
    evaluated,
    fields_of,
    is_array,
    is_host_array,
    is_tree,
    leaf_of,
    plain,
    spelled,
)
from .attributes import axis_sizes, integers_of
from .made import Made, array, combined, constant, supplied
from .registry import Registry
from .sizes import Sizes, UnguessableError

COUNT = 4  # heads, layers, groups: a divisor of every size
_COUNTED = ("num_", "n_")
_SIZES = ("features", "dim", "size", "channels", "width", "hidden", "len")
_COUNTS = ("heads", "layers", "groups", "depth", "experts", "blocks", "steps", "parts")


class Guesser:
    """Makes the inputs of one trace.

    Attributes:
        sizes: The sizes of dimensions.
        choices: Which alternative to take, by the path of a parameter; the first one elsewhere.
        half: Whether floating-point arrays are bfloat16, as between the layers of a model.
        seen: How many alternatives each path has.
        guessed: Plain values without any better reason than that they are usually possible.
        absent: Optional arrays that were left out.
    """

    def __init__(
        self,
        sizes: Sizes,
        registry: Registry,
        vocabulary: frozenset[str],
        mesh_axes: tuple[str, ...],
        choices: Mapping[str, int],
        half: bool = False,
    ) -> None:
        """Prepares the inputs; see the class."""
        self.sizes = sizes
        self.registry = registry
        self.vocabulary = vocabulary
        self.mesh_axes = mesh_axes
        self.choices = choices
        self.half = half
        self.seen: dict[str, int] = {}
        self.guessed: list[str] = []
        self.absent: list[str] = []
        self._building: list[type] = []

    def arguments(
        self,
        parameters: Mapping[str, inspect.Parameter],
        given: Mapping[str, Any] = MappingProxyType({}),
        prefix: str = "",
    ) -> dict[str, Made]:
        """Makes the arguments of a call; those with a default that says enough are left out.

        Args:
            parameters: The parameters; their annotations are evaluated.
            given: What the project's registry says about some of them.
            prefix: The path of what is called.

        Raises:
            UnguessableError: One of them cannot be made up.
        """
        made: dict[str, Made] = {}
        for name, parameter in parameters.items():
            if name in given:
                made[name] = supplied(given[name])
                continue
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            default, path = parameter.default, prefix + name
            annotation = plain(parameter.annotation)
            if annotation is bool:
                made[name] = self._choose(path, [True, False])
            elif default is parameter.empty or (default is None and _can_hold_arrays(annotation)):
                made[name] = self.of(annotation, path)
        return made

    def of(self, annotation: Any, path: str) -> Made:
        """Makes a value of an annotated type.

        Raises:
            UnguessableError: Nothing can be made up for it; the message says what.
        """
        annotation = plain(annotation)
        name = path.rpartition(".")[2]
        if is_array(annotation):
            return self._array(annotation, path)
        if is_tree(annotation):
            return self._tree(leaf_of(annotation), path)
        if (options := alternatives(annotation)) is not None:
            return self._union(options, path)
        if annotation is None or annotation is type(None):
            return constant(None)
        if annotation is bool:
            return self._choose(path, [True, False])
        if annotation is int:
            return constant(self._integer(name))
        if annotation is float:
            self.guessed.append(path)
            return constant(0.5)
        origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Literal:
            return self._choose(path, list(inside))
        if origin is tuple and not (len(inside) == 2 and inside[1] is ...):
            parts = {str(i): self.of(each, f"{path}.{i}") for i, each in enumerate(inside)}
            return combined(parts, lambda values: tuple(values.values()))
        if isinstance(origin, type) and issubclass(origin, list | tuple | Sequence) and inside:
            parts = {str(i): self.of(inside[0], f"{path}.{i}") for i in range(2)}
            return combined(
                parts, lambda values: (tuple if origin is tuple else list)(values.values())
            )
        if isinstance(annotation, type):
            return self.of_class(annotation, path)
        if origin is dict and inside and inside[0] is str:
            return self._tree(inside[1], path)
        raise UnguessableError(f"`{path}`: {spelled(annotation)}")

    def of_class(self, kind: type, path: str) -> Made:
        """Makes an instance of a class: from the registry, its fields, or its constructor.

        Raises:
            UnguessableError: Nothing tells how.
        """
        registered = self.registry.instance(kind)
        if registered is not None:
            if issubclass(kind, nnx.Module):
                return self._module(registered, {})
            return self._noted(supplied(registered()))
        if issubclass(kind, nnx.Rngs):
            return Made((abstract_key(),), lambda arrays: nnx.Rngs(arrays[0]))
        if issubclass(kind, jax.sharding.Mesh):
            return constant(_mesh(self.mesh_axes))
        if issubclass(kind, enum.Enum):
            return constant(next(iter(kind)))
        if kind in self._building:
            raise UnguessableError(f"`{path}`: {kind.__name__} needs one of its own kind")
        self._building.append(kind)
        try:
            if issubclass(kind, nnx.Module):
                return self._constructed(kind, path)
            return self._record(kind, path)
        finally:
            self._building.pop()

    def _array(self, annotation: Any, path: str) -> Made:
        if is_host_array(annotation):
            raise UnguessableError(f"`{path}` is a NumPy array, which JAX does not trace")
        dtype = dtype_of(annotation)
        if self.half and dtype == "float32" and "bfloat16" in annotation.dtypes:
            dtype = "bfloat16"
        shape = self.sizes.shape(annotation.dim_str)
        if dtype is None:
            raise UnguessableError(f"`{path}`: {spelled(annotation)} has no dtype of JAX")
        if dtype == "prng_key":
            return array(jax.ShapeDtypeStruct(shape, abstract_key().dtype))
        return array(jax.ShapeDtypeStruct(shape, dtype))

    def _tree(self, leaf: Any, path: str) -> Made:
        """Makes a dictionary of two entries, alike wherever a signature asks for one."""
        self.guessed.append(path)
        parts = {}
        for key in ("first", "second"):
            if leaf is Any:  # as in a bare `PyTree`
                shape = (self.sizes[f"{key}0"], self.sizes[f"{key}1"])
                parts[key] = array(jax.ShapeDtypeStruct(shape, "float32"))
            else:
                parts[key] = self.of(leaf, f"{path}.{key}")
        return combined(parts, dict)

    def _union(self, options: tuple[Any, ...], path: str) -> Made:
        usable: list[Callable[[], Made]] = []
        problem = UnguessableError(f"`{path}` can be nothing that is known")
        arrays_first = sorted(options, key=lambda o: (o is type(None), not is_array(plain(o))))
        for option in arrays_first:
            try:
                trial = self._trial().of(option, path)
            except UnguessableError as error:
                problem = error
                continue
            if usable and trial.arrays and is_array(plain(option)):
                continue  # a second array type: raw keys beside typed ones, bfloat16 beside float32
            usable.append(lambda option=option: self.of(option, path))
        if not usable:
            raise problem
        chosen = self._pick(path, len(usable))
        made = usable[chosen]()
        if type(None) in options and not made.arrays:
            self.absent.append(path)
        return made

    def _trial(self) -> "Guesser":
        """Returns a guesser that makes the same choices and leaves no trace in this one."""
        sizes = Sizes(self.sizes.known, symbolic=False)
        trial = Guesser(
            sizes, self.registry, self.vocabulary, self.mesh_axes, self.choices, self.half
        )
        trial._building = [*self._building]
        return trial

    def _integer(self, name: str) -> int:
        if name in self.sizes.known:
            return self.sizes.known[name]
        if not any(word in name for word in _SIZES) and (
            name.startswith(_COUNTED) or any(word in name for word in _COUNTS)
        ):
            self.sizes.known[name] = COUNT
            return COUNT
        if name in self.vocabulary or self._building:
            return self.sizes.number(name)
        self.guessed.append(name)
        return COUNT

    def _record(self, kind: type, path: str) -> Made:
        fields = fields_of(kind)
        if fields is None:
            raise UnguessableError(f"`{path}`: {kind.__qualname__}")
        try:
            needed = {
                name: self.of(annotation, f"{path}.{name}")
                for name, (annotation, has_default) in fields.items()
                if not has_default
            }
        except UnguessableError as error:
            raise UnguessableError(f"`{path}`: {kind.__qualname__}, of which {error}") from None
        return self._noted(combined(needed, lambda values: kind(**values)))

    def _constructed(self, kind: type, path: str) -> Made:
        parameters = evaluated(kind.__init__, path)
        parameters.pop(next(iter(parameters)), None)
        parts = self.arguments(parameters, prefix=f"{path}.")
        return self._module(lambda **values: kind(**values), parts)

    def _module(self, construct: Callable[..., Any], parts: dict[str, Made]) -> Made:
        """Builds a module abstractly; the trace gets its state as arrays."""
        whole = combined(parts, lambda values: construct(**values))
        try:
            module = nnx.eval_shape(lambda *arrays: whole.build(arrays), *whole.arrays)
            structure, state = nnx.split(module)
        except Exception as error:
            raise UnguessableError(f"the module cannot be built: {brief(error)}") from error
        leaves, tree = jax.tree.flatten(state)
        arrays = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves)
        self._learn(axis_sizes(state))
        self._learn(integers_of(module))
        return Made(arrays, lambda given: nnx.merge(structure, jax.tree.unflatten(tree, given)))

    def _noted(self, made: Made) -> Made:
        """Builds a plain record once, to learn its numbers; one that holds arrays tells none."""
        if not made.arrays:
            try:
                value = made.build(())
            except Exception as error:
                raise UnguessableError(brief(error)) from error
            self._learn(integers_of(value))
        return made

    def _learn(self, sizes: Mapping[str, int]) -> None:
        """Takes sizes for those of the dimensions of the same names."""
        for name, size in sizes.items():
            self.sizes.known.setdefault(name, size)

    def _choose(self, path: str, values: list[Any]) -> Made:
        return constant(values[self._pick(path, len(values))])

    def _pick(self, path: str, options: int) -> int:
        self.seen[path] = options
        return min(self.choices.get(path, 0), options - 1)


def abstract_key() -> jax.ShapeDtypeStruct:
    """Returns a typed PRNG key without its bits."""
    return jax.eval_shape(jax.random.key, 0)


def _mesh(axes: tuple[str, ...]) -> jax.sharding.Mesh:
    shape = (1,) * (len(axes) - 1) + (jax.device_count(),)
    return jax.make_mesh(shape, axes, axis_types=(jax.sharding.AxisType.Auto,) * len(axes))


def _can_hold_arrays(annotation: Any) -> bool:
    options = [plain(option) for option in alternatives(annotation) or ()]
    return any(
        (is_array(option) and not is_host_array(option)) or fields_of(option) is not None
        for option in options
    )
