"""The state of the interpreter at one point of a function."""

from dataclasses import dataclass, field
from itertools import count

from .values import Guard, Site, Token, Value, joined

_versions = count(1)


@dataclass(eq=False, slots=True)
class State:
    """What holds at one point of a function.

    Attributes:
        env: Values by path: `x`, `x.y`, `x['k']`.
        versions: A number per name, new at each binding: two texts with the same versions of their
            names denote the same value.
        consumed: Where each key was consumed so far.
        donated: Where each buffer was donated so far.
        guards: The conditions that hold here.
        dead: Whether no run gets here.
    """

    env: dict[str, Value] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    consumed: dict[Token, tuple[Site, ...]] = field(default_factory=dict)
    donated: dict[Token, Site] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    dead: bool = False

    def copy(self) -> "State":
        """Returns a state that can change without changing this one."""
        return State(
            dict(self.env),
            dict(self.versions),
            dict(self.consumed),
            dict(self.donated),
            self.guards,
            self.dead,
        )

    def bind(self, path: str, value: Value) -> None:
        """Binds a path; what hung below its old value is gone."""
        env = self.env
        if path in env:
            for below in [
                p for p in env if p.startswith(path) and p[len(path) : len(path) + 1] in (".", "[")
            ]:
                del env[below]
        env[path] = value
        self.versions[path] = next(_versions)

    def kill_below(self, path: str) -> None:
        """Forgets what hangs below a path, as after an assignment to an unknown part of it."""
        for below in [
            p for p in self.env if p.startswith(path) and p[len(path) : len(path) + 1] in (".", "[")
        ]:
            del self.env[below]
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
    tokens: dict[tuple[Token | None, Token | None], Token] = {}
    env: dict[str, Value] = {}
    other = b.env
    for path, value in a.env.items():
        theirs = other.get(path)
        env[path] = value if theirs is None or theirs is value else joined(value, theirs, tokens)
    for path, value in other.items():
        if path not in env:
            env[path] = value
    versions = dict(a.versions)
    for path, version in b.versions.items():
        if versions.get(path, version) != version:
            versions[path] = next(_versions)
        else:
            versions[path] = version
    consumed = dict(a.consumed)
    for token, sites in b.consumed.items():
        mine = consumed.get(token, ())
        consumed[token] = mine + tuple(site for site in sites if site not in mine)
    for (left, right), token in tokens.items():
        sites = a.consumed.get(left, ()) if left else ()
        if right:
            sites += tuple(s for s in b.consumed.get(right, ()) if s not in sites)
        if sites:
            consumed[token] = sites
    donated = {**b.donated, **a.donated}
    for (left, right), token in tokens.items():
        site = (a.donated.get(left) if left else None) or (b.donated.get(right) if right else None)
        if site is not None:
            donated[token] = site
    return State(env, versions, consumed, donated, a.guards)
