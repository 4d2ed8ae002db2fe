"""Item 5: random numbers that JAX does not make, in code that JAX traces."""

import ast
from collections.abc import Iterator

from ..catalogue import rule
from ..findings import Confidence, Finding
from ..project import Project
from ..source.module import Module
from ..source.scopes import Function
from ..transforms.tracing import target_of, traced

GENERATORS = {"numpy.random.default_rng", "numpy.random.RandomState", "random.Random"}
NUMPY_TYPES = {"BitGenerator", "Generator", "MT19937", "PCG64", "Philox", "SFC64", "SeedSequence"}
CALLBACKS = {
    "jax.debug.callback",
    "jax.pure_callback",
    "jax.experimental.pure_callback",
    "jax.experimental.io_callback",
}
PYTHON_DRAWS = {
    "betavariate", "choice", "choices", "expovariate", "gauss", "getrandbits", "lognormvariate",
    "normalvariate", "randbytes", "randint", "random", "randrange", "sample", "seed", "shuffle",
    "triangular", "uniform",
}  # fmt: skip


@rule(
    "JX512",
    "host-random-in-traced-code",
    "Traced code draws from NumPy's or Python's own random numbers.",
    profile="bugs",
    confidences=(Confidence.PROVEN, Confidence.LIKELY),
)
def host_random(module: Module, project: Project) -> Iterator[Finding]:
    """Finds draws that run once, while JAX traces, and are constants from then on."""
    for call in module.nodes(ast.Call):
        drawn = _drawn(module, call)
        if drawn is None:
            continue
        around = list(_around(module.enclosing_function(call)))
        if any(function.node in _on_host(module) for function in around):
            continue
        reached = _reached(project)
        via = next((reached[f.node] for f in around if f.node in reached), None)
        if via is None:
            continue
        root, confidence = via
        message = (
            f"`{drawn}` runs once, while {root} is traced; its result is compiled in as a constant "
            f"that every later call repeats. Pass a key in and draw with `jax.random`."
        )
        yield module.finding("JX512", call, message, confidence=confidence)


def _drawn(module: Module, call: ast.Call) -> str | None:
    """Returns the source of a call that draws from a generator of the host."""
    name = module.resolve(call.func)
    if name is not None:
        package, _, last = name.rpartition(".")
        if name in GENERATORS:
            drawn = not (call.args or call.keywords)  # a seeded one is a constant on purpose
        elif package == "numpy.random":
            drawn = last not in NUMPY_TYPES
        else:
            drawn = package == "random" and last in PYTHON_DRAWS and _is_python_s(module)
        if drawn:
            return module.text(call.func)
    base = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(base, ast.Name) and _is_outer_generator(module, base):
        return module.text(call.func)
    return None


def _is_python_s(module: Module) -> bool:
    """Whether the module `random` is Python's, not one of the project."""
    return module.project is None or "random" not in module.project.modules


def _is_outer_generator(module: Module, node: ast.Name) -> bool:
    """Whether a name is a generator that was made outside of the function that mentions it."""
    inside = module.index.scopes[node]
    here = inside.parent
    if node.id in inside.bound:
        return False
    while here is not None and node.id not in here.bound:
        here = here.parent
    made = here.aliases.get(node.id) if here and here.bound[node.id] == 1 else None
    return isinstance(made, ast.Call) and module.resolve(made.func) in GENERATORS


def _around(function: Function | None) -> Iterator[Function]:
    while function is not None:
        yield function
        function = function.parent


def _on_host(module: Module) -> set[ast.AST]:
    """Returns the functions that run on the host whenever traced code reaches them."""
    assert module.project is not None
    key = ("host callbacks", id(module))
    found = module.project.facts.get(key)
    if found is None:
        found = module.project.facts[key] = set()
        for call in module.nodes(ast.Call):
            if call.args and module.resolve(call.func) in CALLBACKS:
                target = target_of(module, call.args[0])
                if target is not None:
                    found.add(target.function.node)
    return found


def _reached(project: Project) -> dict[ast.AST, tuple[str, Confidence]]:
    """Returns the functions that run under a trace, with the traced one that calls them."""
    found: dict[ast.AST, tuple[str, Confidence]] | None = project.facts.get("runs under a trace")
    if found is not None:
        return found
    found = project.facts["runs under a trace"] = {}
    todo: list[tuple[Module, Function]] = []
    for node, tracing in traced(project).items():
        # Under `grad` alone code runs in every call, as it does without.
        if any(not s.transform.abstract and s.transform.kind != "grad" for s in tracing.sites):
            name = tracing.function.name
            found[node] = ("a lambda" if name == "<lambda>" else f"`{name}`", Confidence.PROVEN)
            todo.append((tracing.module, tracing.function))
    for module, function in todo:
        for call in ast.walk(function.node):
            target = target_of(module, call.func) if isinstance(call, ast.Call) else None
            if target is not None and target.function.node not in found:
                root = found[function.node][0]
                found[target.function.node] = (root, Confidence.LIKELY)
                todo.append((target.module, target.function))
    return found
