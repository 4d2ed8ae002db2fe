"""The state of the interpreter at one point of a function."""

import ast
import re
from dataclasses import dataclass, field
from itertools import count

from .tokens import Guard, Site, Token
from .values import Joins, Value, joined

_versions = count(1)
_NAME = re.compile(r"[^.\[]*")


def path_of(node: ast.expr) -> str | None:
    """Returns the path of a variable, an attribute or a string subscript; None for the rest."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = path_of(node.value)
        return None if base is None else f"{base}.{node.attr}"
    if isinstance(node, ast.Subscript):
        index = node.slice
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            base = path_of(node.value)
            return None if base is None else f"{base}[{index.value!r}]"
    return None


@dataclass(eq=False, slots=True)
class State:
    """What holds at one point of a function.

    Attributes:
        env: Values by path: `x`, `x.y`, `x['k']`.
        versions: A number per path, new at each binding: two texts with the same versions of their
            names denote the same value.
        consumed: Where each key was consumed so far.
        donated: Where each buffer was donated so far.
        guards: The conditions that hold here.
        dead: Whether no run gets here.
        holders: Names below which some path may hang; more of them do no harm.
    """

    env: dict[str, Value] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    consumed: dict[Token, tuple[Site, ...]] = field(default_factory=dict)
    donated: dict[Token, Site] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    dead: bool = False
    holders: set[str] = field(default_factory=set)

    def copy(self, more: tuple[Guard, ...] = ()) -> "State":
        """Returns a state that can change without changing this one, under further guards."""
        return State(
            self.env.copy(),
            self.versions.copy(),
            self.consumed.copy(),
            self.donated.copy(),
            self.guards + more,
            self.dead,
            self.holders,
        )

    def bind(self, path: str, value: Value) -> None:
        """Binds a path; what hung below its old value is gone."""
        if path in self.env:
            self.forget_below(path)
        self.set_part(path, value)
        self.versions[path] = next(_versions)

    def set_part(self, path: str, value: Value) -> None:
        """Notes what an attribute or an element is, which is no new value of it."""
        self.env[path] = value
        if not path.isidentifier():
            self.holders.add(_NAME.match(path)[0])  # pyright: ignore[reportOptionalSubscript]

    def forget_below(self, path: str) -> None:
        """Forgets what hangs below a path, as after an assignment to an unknown part of it."""
        env = self.env
        if _NAME.match(path)[0] in self.holders:  # pyright: ignore[reportOptionalSubscript]
            below = (path + ".", path + "[")
            for gone in [each for each in env if each.startswith(below)]:
                del env[gone]
        self.versions[path] = next(_versions)


def join(states: list[State], guards: tuple[Guard, ...]) -> State:
    """Returns the state after several ways to one point; dead if all of them are.

    A variable that the ways leave with different values gets a new identity, which is consumed
    just where the value of that way was: a key that one branch renewed is not consumed because
    the old key was.
    """
    alive = [state for state in states if not state.dead]
    if not alive:
        return State(dead=True, guards=guards)
    if len(alive) == 1:
        return alive[0]
    result = alive[0]
    for other in alive[1:]:
        result = _join(result, other)
    result.guards = guards
    return result


def _join(a: State, b: State) -> State:
    joins: Joins = {}
    env = _joined_values(a.env, b.env, joins)
    versions = a.versions.copy()
    for path, version in b.versions.items():
        if versions.setdefault(path, version) != version:
            versions[path] = next(_versions)
    return State(
        env,
        versions,
        _joined_sites(a, b, joins),
        _joined_donations(a, b, joins),
        a.guards,
        holders=a.holders | b.holders,
    )


def _joined_values(a: dict[str, Value], b: dict[str, Value], joins: Joins) -> dict[str, Value]:
    env = a.copy()
    for path, value in b.items():
        known = env.setdefault(path, value)
        if known is not value:
            env[path] = joined(known, value, joins)
    return env


def _joined_sites(a: State, b: State, joins: Joins) -> dict[Token, tuple[Site, ...]]:
    consumed = a.consumed.copy()
    for token, sites in b.consumed.items():
        known = consumed.setdefault(token, sites)
        if known is not sites:
            consumed[token] = _both(known, sites)
    for (left, right), token in joins.items():
        sites = _both(
            a.consumed.get(left, ()) if left else (), b.consumed.get(right, ()) if right else ()
        )
        if sites:
            consumed[token] = sites
    return consumed


def _both(first: tuple[Site, ...], second: tuple[Site, ...]) -> tuple[Site, ...]:
    return first + tuple(site for site in second if site not in first)


def _joined_donations(a: State, b: State, joins: Joins) -> dict[Token, Site]:
    donated = {**b.donated, **a.donated}
    for (left, right), token in joins.items():
        site = (a.donated.get(left) if left else None) or (b.donated.get(right) if right else None)
        if site is not None:
            donated[token] = site
    return donated
