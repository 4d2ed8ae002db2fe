"""What the interpreter keeps of a function: all that its callers and the rules need."""

import ast
from dataclasses import dataclass, field

from ..findings import Confidence
from ..source.module import Module
from ..source.scopes import Function, FunctionNode
from .tokens import Site, Token
from .values import Value


@dataclass(frozen=True, slots=True)
class Consumption:
    """That a function consumes a key that comes in.

    Attributes:
        input: The number of the input.
        path: Where in the input, as in a carry: indices and string keys.
        strong: Whether it certainly does.
        node: Where.
    """

    input: int
    path: tuple[object, ...]
    strong: bool
    node: ast.AST


@dataclass(frozen=True, slots=True)
class Demand:
    """A place that needs a concrete value.

    Attributes:
        kind: What for: "branch" (of an `if` that only leaves: "exit"), "boolean", "match", "text"
            (it is compared with text), "call" (it is called), "iterate", "range", "index",
            "convert", "mask" (it selects elements), "size", "structure" (as a size or an axis).
        node: Where.
        taint: The inputs from which the value is computed as an array.
        raw: The inputs that it is or is a part of.
        text: The expression, for the message.
        direct: Whether it is an input as it came in, not a part of one.
        conditional: Whether it is reached under a condition only.
    """

    kind: str
    node: ast.AST
    taint: int
    raw: int
    text: str
    direct: bool
    conditional: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """That a function hands values to another one: the masks of each of its inputs."""

    callee: FunctionNode
    inputs: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """A misuse of a key.

    Attributes:
        code: The rule.
        node: Where.
        token: The key; the event counts only if it turns out to be one.
        name: How the source names it; empty if it does not.
        first: Where it was consumed before.
        again: What consumes it here.
        confidence: How sure it is.
        sure: Whether both consumptions are certain, so that the key needs no further evidence.
    """

    code: str
    node: ast.AST
    token: Token
    name: str
    first: Site | None
    again: Site
    confidence: Confidence
    sure: bool


@dataclass(eq=False, slots=True)
class Summary:
    """What a function does.

    Attributes:
        inputs: The names of its inputs: parameters first, then free variables.
        parameters: How many of them are parameters.
        arrays: The inputs that are used as arrays somewhere.
        returned: What it returns, in terms of its inputs.
        stored: What it stores in containers and attributes, and with methods of them: the mask.
    """

    module: Module
    function: Function | None
    inputs: list[str] = field(default_factory=list)
    parameters: int = 0
    consumptions: list[Consumption] = field(default_factory=list)
    demands: dict[tuple[ast.AST, str], Demand] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    key_events: list[KeyEvent] = field(default_factory=list)
    donations: list[tuple[ast.AST, Site]] = field(default_factory=list)
    syncs: list[tuple[ast.AST, str]] = field(default_factory=list)
    global_keys: list[tuple[str, Site]] = field(default_factory=list)
    arrays: int = 0
    returned: Value | None = None
    stored: dict[ast.AST, int] = field(default_factory=dict)
