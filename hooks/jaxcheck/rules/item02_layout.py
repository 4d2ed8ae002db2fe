"""Item 2: convolutions and transpositions that put the channels of images first."""

import ast
from collections.abc import Iterator

from ..arrays.dimensions_of import dimensions_of
from ..arrays.vocabulary import CHANNELS, HEIGHT, WIDTH
from ..catalogue import rule
from ..findings import Confidence, Finding
from ..project import Project
from ..source.mentions import mentions
from ..source.module import Module

# The position of `dimension_numbers`, and whether None means channels first.
_CONVOLUTIONS = {
    "jax.lax.conv_general_dilated": (6, True),
    "jax.lax.conv_general_dilated_patches": (6, True),
    "jax.lax.conv_general_dilated_local": (7, True),
    "jax.lax.conv_dimension_numbers": (2, True),
    "jax.lax.conv_transpose": (5, False),
}
_ALWAYS = frozenset({"jax.lax.conv", "jax.lax.conv_with_general_padding"})
_LAYERS = frozenset({"flax.nnx.Conv", "flax.nnx.ConvTranspose", "flax.linen.Conv"})
_TO_CHANNELS_FIRST = frozenset({(0, 3, 1, 2), (2, 0, 1)})


@rule(
    "JX206",
    "channels-first-layout",
    "A convolution reads images with the channels first, or an image is transposed to that order.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY),
    in_tests=Confidence.PROVEN,
)
def channels_first_layout(module: Module, project: Project) -> Iterator[Finding]:
    """`("NCHW", "OIHW", "NCHW")`, convolutions that default to it, and `(0, 3, 1, 2)` of images."""
    for call in module.nodes(ast.Call):
        name = module.resolve(call.func)
        if name in _ALWAYS:
            yield _finding(
                module, call, f"{name} takes (batch, channels, height, width) and nothing else"
            )
        elif name in _CONVOLUTIONS:
            yield from _convolution(module, call, *_CONVOLUTIONS[name])
        elif _moves_channels(module, call, name) and _is_image(module, call):
            yield _finding(
                module, call, "This moves the channels of an image before its height and width"
            )


def _finding(module: Module, node: ast.AST, what: str) -> Finding:
    return module.finding(
        "JX206",
        node,
        f"{what}. The conventions keep images as (batch, height, width, channels), which is what "
        "nnx.Conv reads and what devices compute fastest without a transposition. Write "
        'dimension_numbers=("NHWC", "HWIO", "NHWC").',
    )


def _convolution(
    module: Module, call: ast.Call, position: int, by_default: bool
) -> Iterator[Finding]:
    if any(isinstance(each, ast.Starred) for each in call.args):
        return
    if any(keyword.arg is None for keyword in call.keywords):
        return
    given = next((k.value for k in call.keywords if k.arg == "dimension_numbers"), None)
    if given is None and len(call.args) > position:
        given = call.args[position]
    if given is None or (isinstance(given, ast.Constant) and given.value is None):
        if by_default:
            yield _finding(
                module, call, "Without dimension_numbers this convolution takes the channels first"
            )
        return
    layout = module.literal(given)
    if not isinstance(layout, tuple):
        return
    images = [each for each in (layout[:1] + layout[2:]) if isinstance(each, str)]
    wrong = next((each for each in images if _is_channels_first(each)), None)
    if wrong is not None:
        yield _finding(module, given, f'"{wrong}" puts the channels before the image\'s axes')


def _is_channels_first(layout: str) -> bool:
    at = layout.find("C")
    return at >= 0 and any(at < layout.find(axis) for axis in "DHW" if axis in layout)


def _moves_channels(module: Module, call: ast.Call, name: str | None) -> bool:
    if name in ("jax.numpy.transpose", "jax.numpy.permute_dims", "jax.lax.transpose"):
        return len(call.args) == 2 and module.literal(call.args[1]) in _TO_CHANNELS_FIRST
    if name == "jax.numpy.moveaxis":
        return len(call.args) == 3 and tuple(map(module.literal, call.args[1:])) in (
            (-1, 1),
            (3, 1),
            (-1, -3),
            (3, -3),
        )
    if name is None and isinstance(call.func, ast.Attribute) and call.func.attr == "transpose":
        axes = tuple(module.literal(each) for each in call.args)
        return axes in _TO_CHANNELS_FIRST or (len(axes) == 1 and axes[0] in _TO_CHANNELS_FIRST)
    return False


def _is_image(module: Module, call: ast.Call) -> bool:
    """Whether what is transposed is annotated as an image, or goes into a convolution next."""
    method = isinstance(call.func, ast.Attribute) and call.func.attr == "transpose"
    moved = call.args[0] if call.args else None
    if method and isinstance(call.func, ast.Attribute) and module.resolve(call.func) is None:
        moved = call.func.value
    names = dimensions_of(module, moved) if moved is not None else None
    if names and names[-1] in CHANNELS and {*HEIGHT, *WIDTH} & set(names):
        return True
    parent = module.parent(call)
    if isinstance(parent, ast.Call):
        return _is_convolution(module, parent)
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        name = parent.targets[0]
        scope = module.index.scopes[name]
        return any(
            isinstance(use := module.parent(each), ast.Call)
            and each in use.args
            and each.lineno > call.lineno
            and _is_convolution(module, use)
            for each in mentions(module, name.id, scope)
        )
    return False


def _is_convolution(module: Module, call: ast.Call) -> bool:
    name = module.resolve(call.func)
    if name in _CONVOLUTIONS or name in _ALWAYS:
        return True
    made = call.func
    if isinstance(made, ast.Attribute) and isinstance(made.value, ast.Name):
        owner = module.enclosing_class(call)
        return owner is not None and (owner.node, made.attr) in _layers(module)
    return isinstance(made, ast.Call) and module.resolve(made.func) in _LAYERS


def _layers(module: Module) -> set[tuple[ast.ClassDef, str]]:
    """The attributes of each class that are convolutions."""
    assert module.project is not None
    key = ("convolutions", id(module))
    found: set[tuple[ast.ClassDef, str]] | None = module.project.facts.get(key)
    if found is None:
        found = set()
        for assign in module.nodes(ast.Assign):
            target, value = assign.targets[0], assign.value
            if isinstance(target, ast.Attribute) and isinstance(value, ast.Call):
                owner = module.enclosing_class(assign)
                if owner is not None and module.resolve(value.func) in _LAYERS:
                    found.add((owner.node, target.attr))
        module.project.facts[key] = found
    return found
