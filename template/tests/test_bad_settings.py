"""Every field of every settings class refuses what it cannot be, by its own name.

Fields and values come from the types that the classes state, so a new field is tested as it is.
"""

import inspect
import math
import os
import random
import time
import typing
from typing import Any

import fiddle as fdl
import pytest
from fiddle import daglish

from .project import command_line, configuration, errors, experiments, package, settings
from .watched import unchanged

CASES = int(os.environ.get("SETTINGS_CASES", "100"))
ABSURD = [math.nan, math.inf, -math.inf, 1e300, -1e38, 1e18, 10**18, -(10**18), 10**30]
OTHER_KINDS = [1j, b"bytes", object, print]


def classes(kind):
    """The settings classes of the package that can be made."""
    for each in kind.__subclasses__():
        yield from classes(each)
        if each.__module__.startswith(package.__name__) and not inspect.isabstract(each):
            yield each


CLASSES = sorted(set(classes(settings.Settings)), key=lambda kind: kind.__qualname__)


def numbers(annotation):
    """How values of a type hold numbers: a function of the number; None if they hold none."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in (int, float):
        return lambda number: number
    if origin is typing.Annotated:
        return numbers(parts[0])
    inside = [hold for hold in map(numbers, parts) if hold]
    if origin is tuple and inside:
        others = () if parts[-1] is ... else (1,) * (len(parts) - 1)
        return lambda number: (inside[0](number), *others)
    return inside[0] if inside and origin not in (dict, typing.Literal) else None


def is_limit(part):
    return any(hasattr(part, name) for name in ("ge", "le", "gt", "lt"))


def limits(annotation, metadata=()):
    """The limits that a type states, those of its parts included."""
    yield from filter(is_limit, metadata)
    inner = getattr(annotation, "__metadata__", ())
    for part in (*typing.get_args(annotation), *inner):
        if is_limit(part):
            yield part
        elif isinstance(part, type) or typing.get_origin(part):
            yield from limits(part)
        else:  # pydantic's Field in an annotation
            yield from limits(None, getattr(part, "metadata", ()))


def beyond(limit):
    """The next number that a limit leaves out; None for a limit of another kind."""
    for name, step in (("ge", -1), ("le", 1), ("gt", 0), ("lt", 0)):
        bound = getattr(limit, name, None)
        if isinstance(bound, int):
            return bound + step
        if bound is not None:
            return math.nextafter(bound, step * math.inf) if step else bound
    return None


def complaints(kind, values):
    """What is said of each of these fields."""
    with pytest.raises(errors.UserError) as caught:
        configuration.build(fdl.Config(kind, **values))
    lines = str(caught.value).splitlines()
    return {name: [line for line in lines if line.startswith(name)] for name in values}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__qualname__)
def test_every_number_is_bounded(kind):
    fields = kind.model_fields
    holding = {name: numbers(field.annotation) for name, field in fields.items()}
    holding = {name: hold for name, hold in holding.items() if hold}
    for value in ABSURD if holding else ():
        said = complaints(kind, {name: hold(value) for name, hold in holding.items()})
        assert all(len(lines) == 1 for lines in said.values()), said
    for name, hold in holding.items():
        field = fields[name]
        for limit in limits(field.annotation, field.metadata):
            value = beyond(limit)
            if value is not None:
                assert complaints(kind, {name: hold(value)})[name], limit


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__qualname__)
def test_every_field_refuses_another_kind_of_value(kind):
    fields = [
        name for name, field in kind.model_fields.items() if field.annotation is not typing.Any
    ]
    for value in OTHER_KINDS if fields else ():
        taking = [name for name in fields if callable(value) and _takes_calls(kind, name)]
        said = complaints(kind, {name: value for name in fields if name not in taking})
        assert all(said.values()), (value, said)


def _takes_calls(kind, name):
    return "Callable" in str(kind.model_fields[name].annotation)


def reachable():
    """Every field that can be set on the command line, with the experiment that has it."""
    seen = {}
    for name in configuration.catalogue(experiments)["experiment"]:
        config = configuration.compose([f"config:{name}"], experiments)
        for node, path in daglish.iterate(configuration.fields.opened(config, defaults=True)):
            if isinstance(node, fdl.Buildable):
                kind: Any = fdl.get_callable(node)
                for field in kind.model_fields:
                    dotted = f"{configuration.fields.dotted(path)}.{field}".removeprefix(".")
                    seen.setdefault((kind, field), (name, dotted))
    return seen


def test_the_command_line_names_the_field_and_writes_nothing(tmp_path, monkeypatch, capsys):
    """Whatever is set: one line, at once, and no file."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    fields = [
        (*where, numbers(kind.model_fields[name].annotation))
        for (kind, name), where in reachable().items()
    ]
    assert len(fields) > 60
    for _ in range(CASES):
        experiment, path, hold = draw.choice(fields)
        bad = (
            hold(draw.choice(ABSURD[1:])) if hold else draw.choice([1j, b"x", [[]], "\0", {"": 0}])
        )
        text = repr(bad).replace("inf", "1e400")
        few = "set:loop.steps=4"  # what is taken must not train for hours
        words = [f"--config={each}" for each in (f"config:{experiment}", few, f"set:{path}={text}")]
        began = time.monotonic()
        with unchanged(tmp_path):
            assert command_line.main(["train", "--run-dir", "run", *words]) == 2, words
        assert time.monotonic() - began < 10
        lines = capsys.readouterr().err.splitlines()
        assert all(line.startswith(f"error: {path}") for line in lines), (words, lines)
        assert len(lines) == 1 or isinstance(bad, dict), lines  # of which each field has a line


def test_other_values_are_taken_or_refused_in_a_line_for_each_field():
    """Numbers within the bounds that other fields may forbid, and words."""
    draw = random.Random(1)
    fields = [*reachable().values()]
    for _ in range(CASES):
        experiment, path = draw.choice(fields)
        value = draw.choice([0, 1, 2, 3, 7, -1, 0.5, 1e-9, 1e9, 2**20, True, None, "", "x", (), {}])
        directives = [f"config:{experiment}", f"set:{path}={value!r}"]
        try:
            configuration.build(configuration.compose(directives, experiments))
        except errors.UserError as error:
            lines = str(error).splitlines()
            assert lines and all(": " in line[:100] for line in lines), (directives, lines)
