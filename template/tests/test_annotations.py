"""Annotations: complete and with shapes. The import hook checks that they hold."""

import ast
from collections.abc import Iterator
from pathlib import Path

from .project import package


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(Path(package.__file__).parent.rglob("*.py")):
        yield path.name, ast.parse(path.read_text(encoding="utf-8"))


def public_functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions and methods that others call: not nested ones, nor those with an underscore."""
    for name, module in modules():
        bodies = [module.body]
        bodies += [node.body for node in module.body if isinstance(node, ast.ClassDef)]
        for function in (node for body in bodies for node in body):
            if isinstance(function, ast.FunctionDef):
                special = function.name in ("__init__", "__call__")
                if special or not function.name.startswith("_"):
                    yield f"{name}:{function.lineno} {function.name}", function


def parameters(function: ast.FunctionDef) -> list[ast.arg]:
    """All parameters but self and cls, which need no annotation."""
    arguments = function.args
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    found += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
    return [each for each in found if each.arg not in ("self", "cls")]


def test_every_public_function_is_annotated():
    bare = [
        where
        for where, function in public_functions()
        if function.returns is None
        or any(parameter.annotation is None for parameter in parameters(function))
    ]
    assert len(list(public_functions())) > 50
    assert not bare


def test_no_array_is_without_a_shape():
    shapeless = []
    for where, function in public_functions():
        annotations = [parameter.annotation for parameter in parameters(function)]
        for annotation in [*annotations, function.returns]:
            alternatives = ast.unparse(annotation).split(" | ") if annotation else []
            if {"Array", "jax.Array", "jnp.ndarray", "np.ndarray"} & set(alternatives):
                shapeless.append(where)
    assert not shapeless
