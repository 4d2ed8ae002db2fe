"""What an error during a trace proves."""

import ast
import re
from dataclasses import dataclass

import jax

from ..findings import Confidence, Finding
from ..source.module import Module
from ..source.scopes import Function
from ..transforms.tracing import Tracing
from .candidates import Candidate
from .places import Places, Spot, finding, nodes_at
from .running import Run

_TRACER_ERRORS = (
    jax.errors.ConcretizationTypeError,  # among them that of booleans
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
_SHAPE_ERROR = re.compile(
    r"incompatible shapes|contracting dimension|Size of label|do not match for|batch dimensions|"
    r"shapes must be equal|must have equal|different shapes|inconsistent sizes|mismatched",
    re.IGNORECASE,
)
_ARGUMENT = re.compile(r"values? of the arguments? (\w+)")
_CAST = ("float", "int", "complex", "item", "tolist", "array", "asarray")


@dataclass(frozen=True)
class Setting:
    """How a candidate is known to run.

    Attributes:
        confidence: That JAX traces it; None where nothing shows it.
        tracing: What the project's transformations of it say.
    """

    confidence: Confidence | None
    tracing: Tracing | None

    @property
    def jitted(self) -> bool:
        """Whether it is compiled where it is defined, so that it is traced with its statics."""
        return self.tracing is not None and any(
            site.decorator and site.transform.kind == "jit" for site in self.tracing.sites
        )


def is_tracer_error(error: BaseException | None) -> bool:
    """Whether code wanted the value of something that has none while it is traced."""
    return isinstance(error, _TRACER_ERRORS)


def is_shape_error(error: BaseException | None, places: Places) -> bool:
    """Whether shapes did not fit: for JAX, or for an annotated function that was called."""
    if error is None:
        return False
    if is_type_check(error):
        return "checking the parameters" in str(error)
    return (
        isinstance(error, TypeError | ValueError)
        and bool(_SHAPE_ERROR.search(str(error)))
        and not places.raised_by_project(error)
        and places.of_error(error) is not None
    )


def is_type_check(error: BaseException) -> bool:
    """Whether the project's own jaxtyping hook objected."""
    return type(error).__name__ == "TypeCheckError"


def of_tracer_error(
    candidate: Candidate, setting: Setting, run: Run, places: Places
) -> Finding | None:
    """Returns what a tracer error proves; None where it proves nothing."""
    error = run.error
    spot = places.of_error(error) if error is not None else None
    if error is None or spot is None or setting.confidence is None:
        return None
    told = _ARGUMENT.search(str(error))
    name = told[1] if told and told[1] in candidate.parameters else ""
    if setting.jitted and name in _plain(candidate):
        message = (
            f"`{candidate.function.name}` needs the value of `{name}` here, but its jit turns the "
            f"argument into a tracer: calling it with `{name}=…` raises "
            f"{type(error).__name__}. Name it in static_argnames."
        )
        branches = isinstance(error, jax.errors.TracerBoolConversionError)
        return finding("JX607" if branches else "JX602", spot, message)
    source = f", which depends on `{name}`" if name else ""
    code, what, instead = _classified(error, spot)
    message = (
        f"Tracing `{candidate.name}` fails here with {type(error).__name__}: {what} needs the "
        f"value of an array{source}, and a traced array has none. {instead}"
    )
    return finding(code, spot, message, setting.confidence)


def _plain(candidate: Candidate) -> set[str]:
    """Returns the parameters that are annotated as plain Python values."""
    return {n for n, p in candidate.parameters.items() if p.annotation in (bool, int, float, str)}


def _classified(error: BaseException, spot: Spot) -> tuple[str, str, str]:
    """Returns the code of item 7, what stands at a place, and what to write instead."""
    module, line = spot.module, spot.line
    if isinstance(error, jax.errors.NonConcreteBooleanIndexError):
        return "JX705", "a boolean mask as index", "Use jnp.where with three arguments."
    if isinstance(error, jax.errors.TracerIntegerConversionError):
        return "JX703", "a loop bound or index", "Use jax.lax.fori_loop or jnp.take."
    if isinstance(error, jax.errors.TracerArrayConversionError):
        return "JX704", "NumPy", "Use jax.numpy."
    if isinstance(error, jax.errors.TracerBoolConversionError):
        kind = _branch_at(module, line)
        if kind == "expression":
            return "JX702", "a truth value", "Use jnp.logical_and, jnp.logical_or or jnp.where."
        return "JX701", "a branch", "Use jnp.where, jax.lax.cond or jax.lax.while_loop."
    calls = [c for c in nodes_at(module, line, (ast.Call,)) if isinstance(c, ast.Call)]
    names = {module.text(call.func).rpartition(".")[2] for call in calls if call.lineno == line}
    if names & set(_CAST):
        return "JX704", "a conversion to a number", "Keep it an array."
    return "JX705", "a shape", "Give a static size, such as size=… of jnp.nonzero."


def _branch_at(module: Module, line: int) -> str:
    tests = [
        node.test
        for kind in (ast.If, ast.While, ast.IfExp, ast.Assert)
        for node in module.nodes(kind)
    ]
    if any(test.lineno <= line <= (test.end_lineno or 0) for test in tests):
        return "test"
    found = nodes_at(module, line, (ast.BoolOp, ast.UnaryOp, ast.Compare, ast.Call))
    return "expression" if found else "test"


def of_type_check(candidate: Candidate, run: Run, places: Places) -> Finding | None:
    """Returns what an objection of the project's jaxtyping hook to a result proves."""
    lines = str(run.error).strip().splitlines()
    said = re.match(r"Type-check error whilst checking the return value of (\S+)\.$", lines[0])
    if said is None:
        return None
    actual = next((line.partition(": ")[2] for line in lines if line.startswith("Actual")), "")
    project = candidate.module.project
    assert project is not None
    for module in project.modules.values():
        qualname = said[1].removeprefix(f"{module.name}.")
        for function in module.functions:
            if qualname != said[1] and function.qualname == qualname and function.returns:
                via = "" if function is candidate.function else f", called by `{candidate.name}`"
                return _broken(module, function, f"{_sizes(run)}{via}", actual.split("(jax)")[0])
    return None


def of_broken_claim(candidate: Candidate, run: Run) -> Finding:
    """Returns the finding for a result that contradicts its annotation."""
    return _broken(candidate.module, candidate.function, _sizes(run), str(run.error))


def _broken(module: Module, function: Function, circumstances: str, result: str) -> Finding:
    node = function.returns or function.node
    message = (
        f"`{function.name}` is annotated to return {module.text(node)}, but{circumstances} it "
        f"returns {result}. Callers and type checkers rely on the annotation: correct it or the "
        "code."
    )
    return finding("JX209", (module, node), message)


def _sizes(run: Run) -> str:
    said = ", ".join(f"{name}={size}" for name, size in sorted(run.sizes.free.items()))
    return f" with {said}" if said else ""
