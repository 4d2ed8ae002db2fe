"""What a summary says about inputs, in terms of the values that a caller gives for them."""

from collections.abc import Mapping

from ..expressions.names import outer
from ..run import Run
from ..summary import Summary
from ..tokens import Token
from ..values import MADE, Value, unknown


def token_at(value: Value, path: tuple[object, ...]) -> Token | None:
    """Returns the token of a part of a value; None for a container of which more is known."""
    for label in path:
        part = value.part(label.lstrip(".") if isinstance(label, str) else label)
        if part is None:
            if value.token is None:
                return None
            part = Value(value.token.part(label))
        value = part
    return value.token if value.items is None else None


def fixed_path(summary: Summary, path: tuple[object, ...]) -> tuple[object, ...]:
    """Returns the part of a path that is the same in every call of a function.

    What follows is an index that the function computes from what it is given, as in `keys[i]`.
    """
    assert summary.function is not None
    own = summary.function.scope.bound
    for at, label in enumerate(path):
        if isinstance(label, tuple) and any(name in own for name, _ in label[1]):
            return path[:at]
    return path


def free_token(run: Run, name: str, path: tuple[object, ...]) -> Token | None:
    """Returns the token of a part of what a free variable of another function is here."""
    value = outer(run, name)
    return token_at(value, path) if value is not None else None


def substituted(value: Value | None, summary: Summary, given: Mapping[str, Value]) -> Value:
    """Returns what a function returns, in terms of what it was given.

    Args:
        value: What it returns in terms of its inputs, or a part of that; None for nothing.
        summary: The function's summary.
        given: The values of its parameters by name.
    """
    if value is None:
        return unknown()
    passed = _passed_through(value, summary, given)
    if passed is not None:
        return passed
    taint = raw = 0
    arrays = True
    for number, name in enumerate(summary.inputs):
        bit = 2 << number
        if name in given:
            if value.taint & bit:
                taint |= given[name].mask()
            if value.raw & bit:
                raw |= given[name].mask()
                arrays = arrays and given[name].taint != 0
    if arrays and not value.raw & MADE:
        taint |= raw  # part of an array, whichever it is
    taint |= value.taint & MADE
    raw |= value.raw & MADE
    return Value(
        _token(value.token, summary, given),
        taint,
        raw & ~taint,
        value.changed_parts(lambda part: substituted(part, summary, given)),
        cls=value.cls,
        boolean=value.boolean,
        sequence=value.sequence,
    )


def _passed_through(value: Value, summary: Summary, given: Mapping[str, Value]) -> Value | None:
    """Returns the argument that a function returns as it is, without consuming any of it."""
    if value.token is None or value.token.input is None:
        return None
    number, path = value.token.input
    if path or any(consumption.input == number for consumption in summary.consumptions):
        return None
    return given.get(summary.inputs[number])


def _token(token: Token | None, summary: Summary, given: Mapping[str, Value]) -> Token | None:
    if token is None:
        return None
    if token.input is None:
        return Token("born", evidence=True) if token.is_key else Token("other")
    number, path = token.input
    argument = given.get(summary.inputs[number])
    consumed = any(c.strong and (c.input, c.path) == token.input for c in summary.consumptions)
    if argument is None or consumed:
        return Token("other")
    return token_at(argument, path) or Token("other")
