"""Which functions must annotate their arrays, and what is missing in each signature."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..findings import Confidence
from ..project import Project
from ..source.module import Module
from ..source.scopes import Function, Parameter
from ..transforms.tracing import traced
from .annotations import ArrayType, Kind, dtype_class, parts
from .array_uses import Uses, uses
from .evidence import is_array, makes_key, says_array
from .roles import exempt, is_layer, overridden, returned, tiny

_MAPPINGS = frozenset(
    f"{package}.{name}"
    for package in ("builtins", "typing", "collections", "collections.abc")
    for name in ("dict", "Dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict")
)
_HOST = frozenset({"numpy.ndarray", "numpy.typing.NDArray", "numpy.typing.ArrayLike"})
_ANYTHING = frozenset({"typing.Any", "builtins.object"})


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that a signature leaves out.

    Attributes:
        kind: "parameter", "return", "shape" or "key".
        node: Where.
        name: The parameter's name; "" for the return.
        confidence: How sure it is that an array is meant.
        reason: What shows that it is an array, if the annotation does not.
        written: What is annotated instead, if anything is.
    """

    kind: str
    node: ast.AST
    name: str
    confidence: Confidence
    reason: ast.AST | None = None
    written: ArrayType | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A function with arrays in its signature, and what the signature leaves out."""

    function: Function
    missing: tuple[Missing, ...]


def signatures(module: Module, project: Project) -> list[Signature]:
    """Returns every function of a module that takes or returns arrays, as far as it is judged."""
    key = ("signatures", id(module))
    found: list[Signature] | None = project.facts.get(key)
    if found is None:
        found = [s for f in module.functions if (s := _signature(module, project, f)) is not None]
        project.facts[key] = found
    return found


def annotates_numpy(module: Module, project: Project) -> bool:
    """Whether a module gives NumPy arrays shapes, so that those without one stand out."""
    key = ("annotates numpy", id(module))
    found: bool | None = project.facts.get(key)
    if found is None:
        found = "jaxtyping" in module.source and any(
            isinstance(node.slice, ast.Tuple)
            and len(node.slice.elts) == 2
            and module.resolve(node.slice.elts[0]) in _HOST
            and dtype_class(module, node.value) is not None
            for node in module.nodes(ast.Subscript)
        )
        project.facts[key] = found
    return found


def bare(module: Module, annotation: ast.expr | None, numpy: bool) -> ArrayType | None:
    """Returns the first array without a shape in an annotation.

    Arrays of different shapes under names, as in a dictionary, are left alone; so are NumPy
    arrays, unless `numpy`.
    """
    for part in parts(module, annotation):
        judged = numpy or part.array not in _HOST
        if part.kind is Kind.BARE and part.container not in _MAPPINGS and judged:
            return part
    return None


def _signature(module: Module, project: Project, function: Function) -> Signature | None:
    if isinstance(function.node, ast.Lambda) or exempt(module, function):
        return None
    annotations = [p.annotation for p in function.parameters] + [function.returns]
    every = [part for annotation in annotations for part in parts(module, annotation)]
    arrays = [p for p in every if p.kind in (Kind.ARRAY, Kind.BARE, Kind.KEY)]
    typed = any(p.kind is Kind.ARRAY for p in arrays)
    if not typed and tiny(function):
        return None
    numpy = annotates_numpy(module, project) or function.node in traced(project)
    missing = [
        m
        for parameter in _own(function)
        for m in _parameter(module, project, function, parameter, typed, numpy)
    ]
    if (at_return := _return(module, project, function, typed, numpy)) is not None:
        missing.append(at_return)
    sure = any(m.confidence is not Confidence.HEURISTIC for m in missing)
    judged = sure or any(numpy or p.array not in _HOST or p.kind is Kind.ARRAY for p in arrays)
    return Signature(function, tuple(missing)) if judged or missing else None


def _own(function: Function) -> tuple[Parameter, ...]:
    """The parameters without the instance or the class."""
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorators)
    return function.parameters[1:] if function.owner and not static else function.parameters


def _parameter(
    module: Module,
    project: Project,
    function: Function,
    parameter: Parameter,
    typed: bool,
    numpy: bool,
) -> Iterator[Missing]:
    annotation = parameter.annotation
    found = parts(module, annotation)
    vague = annotation is None or [p for p in found if module.resolve(p.node) in _ANYTHING] == found
    if vague and (annotation is None or found):
        if annotation is None and _has_plain_default(module, parameter):
            return
        used = uses(module, function, parameter, numpy)
        reason = used.key or (used.array if not used.other else None)
        if reason is None and annotation is None and not used.other:
            reason = _by_role(module, project, function, parameter, used, typed)
        if reason is not None:
            kind = "key" if used.key else "parameter"
            node = parameter.node
            yield Missing(kind, node, parameter.name, Confidence.LIKELY, reason)
        return
    array = bare(module, annotation, numpy)
    plain = [p for p in found if not p.contained and p.kind in (Kind.ARRAY, Kind.BARE)]
    if plain and all(p.dtype not in ("Key", "Shaped") for p in plain):
        used = uses(module, function, parameter, numpy)
        if used.key is not None:
            sure = Confidence.PROVEN
            yield Missing("key", plain[0].node, parameter.name, sure, used.key, plain[0])
            return
    if array is not None:
        sure = Confidence.LIKELY if function.parent else Confidence.PROVEN
        yield Missing("shape", array.node, parameter.name, sure, None, array)
    elif any(p.kind is Kind.TREE and p.definition is p.node for p in found):
        tree = next(p for p in found if p.kind is Kind.TREE)
        if module.resolve(tree.node) == "jaxtyping.PyTree":
            used = uses(module, function, parameter, numpy)
            if used.named is not None and _in_array_call(module, used.named):
                doubt = Confidence.HEURISTIC
                yield Missing("shape", tree.node, parameter.name, doubt, used.named, tree)


def _in_array_call(module: Module, node: ast.AST) -> bool:
    parent = module.parent(node)
    return (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.MatMult)) or (
        isinstance(parent, ast.Call) and is_array(module, parent)
    )


def _has_plain_default(module: Module, parameter: Parameter) -> bool:
    default = parameter.default
    if default is None or (isinstance(default, ast.Constant) and default.value is None):
        return False
    return not is_array(module, default)


def _by_role(
    module: Module,
    project: Project,
    function: Function,
    parameter: Parameter,
    used: Uses,
    typed: bool,
) -> ast.AST | None:
    """Returns what shows that an unannotated parameter is an array, from what the function is."""
    tracing = traced(project).get(function.node)
    if used.maybe is not None and (typed or (tracing and parameter.name in tracing.traced)):
        return used.maybe
    if used.passed is not None and typed:
        return used.passed
    layer = function.name == "__call__" and parameter.kind == "positional"
    if layer and parameter.default is None and is_layer(module, project, function):
        return function.node
    base = overridden(module, project, function)
    if base is not None:
        where, method = base
        same = method.parameter(parameter.name)
        if same is not None and says_array(where, same.annotation):
            return function.node
    return None


def _return(
    module: Module, project: Project, function: Function, typed: bool, numpy: bool
) -> Missing | None:
    annotation = function.returns
    results = returned(module)[function.node]
    if annotation is not None:
        array = bare(module, annotation, numpy)
        plain = [p for p in parts(module, annotation) if not p.contained]
        keys = [each for each in results if makes_key(module, each)]
        wrong = len(plain) == 1 and plain[0].kind in (Kind.ARRAY, Kind.BARE)
        if keys and wrong and plain[0].dtype not in ("Key", "Shaped"):
            return Missing("key", plain[0].node, "", Confidence.PROVEN, keys[0], plain[0])
        if array is not None:
            sure = Confidence.LIKELY if function.parent else Confidence.PROVEN
            return Missing("shape", array.node, "", sure, None, array)
        return None
    if function.name in ("__init__", "__post_init__", "setup"):
        return None
    for each in results:
        if is_array(module, each, numpy):
            return Missing("return", function.node, "", Confidence.LIKELY, each)
    role = function.name == "__call__" and is_layer(module, project, function)
    base = overridden(module, project, function)
    role = role or (base is not None and says_array(base[0], base[1].returns))
    for each in results:
        if role or (typed and _could_be_array(module, each)):
            return Missing("return", function.node, "", Confidence.LIKELY, each)
    return None


def _could_be_array(module: Module, node: ast.expr) -> bool:
    """Whether an expression, in a function of arrays, is nothing but an array for all we know."""
    match node:
        case ast.Call():
            name = module.resolve(node.func) or ""
            assert module.project is not None
            known = name.startswith("builtins.") or module.project.class_(name) is not None
            return not known and module.project.function(name) is None
        case ast.BinOp():
            return True
        case ast.Subscript():
            return _could_be_array(module, node.value)
        case ast.Tuple():
            return any(_could_be_array(module, each) for each in node.elts)
        case _:
            return False
