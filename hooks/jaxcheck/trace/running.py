"""Traces one call with made-up inputs and holds its result against its annotation."""

import contextlib
import inspect
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import IO, Any, cast

import jax
from flax import nnx
from jaxtyping import jaxtyped

from .annotations import alternatives, is_array, is_tree, plain
from .candidates import Candidate
from .inputs import Guesser
from .made import Made, array, combined
from .places import Places, Spot
from .sizes import Sizes

BUDGET = 20.0  # seconds for one function, all its traces together


class ClaimBrokenError(Exception):
    """A function returned something else than its annotation says."""


class TooSlowError(BaseException):
    """Tracing a function takes longer than the budget; no `except Exception` stops it."""


@dataclass
class Run:
    """One trace of one function.

    Attributes:
        sizes: The sizes of dimensions in it.
        guesser: What else was made up.
        jaxpr: What was traced; None where it failed.
        error: What it failed with.
        output: Where the project's code wrote to the standard output.
        parameters: For a constructor, the names of the module's parameters, in the jaxpr's order.
        lines: The lines of the candidate's file that ran, where they were asked for.
    """

    sizes: Sizes
    guesser: Guesser
    jaxpr: Any = None
    error: BaseException | None = None
    output: set[Spot] = field(default_factory=set)
    parameters: list[str] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)


def trace(
    candidate: Candidate,
    guesser: Guesser,
    places: Places,
    *,
    raw: bool = False,
    watch: bool = False,
    leaks: bool = False,
    seconds: float = BUDGET,
    mutation: tuple[str, Callable[[tuple[int, ...]], tuple[int, ...]]] | None = None,
) -> Run:
    """Traces a candidate once; errors of its code are part of the result.

    Args:
        candidate: The function.
        guesser: Makes the inputs, with its sizes.
        places: The project's files.
        raw: Call the function beneath its decorators.
        watch: Record the lines that run.
        leaks: Fail if anything outside keeps a tracer.
        seconds: Fail if it takes longer.
        mutation: An array parameter, and what to make of its shape.

    Raises:
        UnguessableError: There are no inputs for it.
    """
    run = Run(guesser.sizes, guesser)
    given = guesser.registry.arguments(candidate.name)
    parts: dict[str, Made] = {}
    if candidate.owner is not None:
        parts["<self>"] = guesser.of_class(candidate.owner, "self")
    parts |= guesser.arguments(candidate.parameters, given)
    if mutation is not None and mutation[0] in parts:
        (was,) = parts[mutation[0]].arrays
        parts[mutation[0]] = array(jax.ShapeDtypeStruct(mutation[1](was.shape), was.dtype))
    target = inspect.unwrap(candidate.target) if raw else candidate.target
    whole = combined(parts, lambda values: _called(candidate, target, values, run))
    recorder = _Recorder(run, places)
    watching = _watched(candidate, run) if watch else contextlib.nullcontext()
    try:
        with (
            _limited(seconds),
            contextlib.redirect_stdout(cast(IO[str], recorder)),
            jax.checking_leaks() if leaks else contextlib.nullcontext(),
            watching,
        ):
            run.jaxpr = jax.make_jaxpr(lambda *arrays: whole.build(arrays))(*whole.arrays)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the project's code raises, `SystemExit` included
        run.error = error
    return run


def _called(
    candidate: Candidate, target: Callable[..., Any], values: dict[str, Any], run: Run
) -> list[Any]:
    if candidate.constructs is not None:
        module = candidate.constructs(**values)
        found = nnx.to_flat_state(nnx.state(module, nnx.Param))
        run.parameters = [".".join(map(str, path)) for path, _ in found]
        return [variable[...] for _, variable in found]
    instance = (values.pop("<self>"),) if "<self>" in values else ()
    positional: list[Any] = []
    for name, parameter in candidate.parameters.items():
        if parameter.kind is parameter.POSITIONAL_ONLY and name in values:
            positional.append(values.pop(name))
    result = target(*instance, *positional, **values)
    problem = broken_claim(candidate.parameters, values, candidate.returns, result)
    if problem:
        raise ClaimBrokenError(problem)
    return [leaf for leaf in jax.tree.leaves(result) if isinstance(leaf, jax.Array)]


def broken_claim(
    parameters: Mapping[str, inspect.Parameter],
    values: Mapping[str, Any],
    returns: Any,
    result: Any,
) -> str | None:
    """Returns how a result contradicts its annotation; None where it does not."""
    if returns is inspect.Parameter.empty:
        return None
    with jaxtyped("context"):
        for name, value in values.items():
            _mismatch(value, parameters[name].annotation)  # binds the names of dimensions
        return _mismatch(result, returns)


def _mismatch(value: Any, annotation: Any) -> str | None:
    """Returns what in a value contradicts an annotation, as far as arrays are concerned."""
    annotation = plain(annotation)
    if is_array(annotation) or is_tree(annotation):
        try:
            fits = isinstance(value, annotation)
        except Exception:  # a dimension that is computed from a value, which only a call knows
            return None
        return None if fits or not jax.tree.leaves(value) else _spelled(value)
    if (options := alternatives(annotation)) is not None:
        problems = [_mismatch(value, option) for option in options if option is not type(None)]
        known = [is_array(plain(o)) for o in options if o is not type(None)]
        if value is None or None in problems or not all(known):
            return None
        return problems[0]
    origin, inside = getattr(annotation, "__origin__", None), getattr(annotation, "__args__", ())
    if origin is tuple and isinstance(value, tuple):
        if len(inside) == 2 and inside[1] is ...:
            inside = (inside[0],) * len(value)
        if len(inside) != len(value):
            return f"a tuple of {len(value)}"
        problems = (_mismatch(v, a) for v, a in zip(value, inside, strict=True))
        return next((problem for problem in problems if problem), None)
    if origin is dict and isinstance(value, dict) and len(inside) == 2:
        problems = (_mismatch(each, inside[1]) for each in value.values())
        return next((problem for problem in problems if problem), None)
    if origin is list and isinstance(value, list) and inside:
        problems = (_mismatch(each, inside[0]) for each in value)
        return next((problem for problem in problems if problem), None)
    return None


def _spelled(value: Any) -> str:
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype}[{','.join(map(str, value.shape))}]"
    return type(value).__name__


class _Recorder:
    """Stands in for the standard output during a trace and notes who writes."""

    def __init__(self, run: Run, places: Places) -> None:
        self._run = run
        self._places = places

    def write(self, text: str) -> int:
        """Notes the innermost place in the project that wrote; the text itself is dropped."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not _called.__code__:
            module = self._places.module(frame.f_code.co_filename)
            if module is not None:
                self._run.output.add(Spot(module, frame.f_lineno))
                break
            frame = frame.f_back
        return len(text)

    def flush(self) -> None:
        """There is nothing to flush."""


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raises `TooSlowError` in code that takes longer, where the system can."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_: object) -> None:
        raise TooSlowError(f"it takes longer than {BUDGET:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _watched(candidate: Candidate, run: Run) -> Iterator[None]:
    """Records the lines of the candidate's file that run, nested functions included."""
    file = str(candidate.module.path.resolve())
    jax.clear_caches()  # what is cached would not run again

    def each_line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            run.lines.add(frame.f_lineno)
        return each_line

    def each_call(frame: FrameType, _event: str, _: Any) -> Any:
        return each_line if frame.f_code.co_filename == file else None

    before = sys.gettrace()
    sys.settrace(each_call)
    try:
        yield
    finally:
        sys.settrace(before)
