"""Where in the project's sources something happened."""

import ast
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..catalogue import rules
from ..findings import Confidence, Finding, Place
from ..project import Project
from ..source.module import Module
from . import private


@dataclass(frozen=True)
class Spot:
    """A piece of a line of the project: columns count from 0 in bytes, as Python has them."""

    module: Module
    line: int
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None

    def place(self, message: str = "") -> Place:
        """Returns it as findings say it; without columns it is the whole line."""
        module, text = self.module, self.module.lines[self.line - 1]
        if self.column is None or self.end_line is None or self.end_column is None:
            start = len(text) - len(text.lstrip()) + 1
            return Place(module.relative, self.line, start, self.line, len(text) + 1, message)
        start = module.column(self.line, self.column)
        end = module.column(self.end_line, self.end_column)
        return Place(module.relative, self.line, start, self.end_line, end, message)


class Places:
    """Finds the project's part in tracebacks and equations.

    Attributes:
        functions: The names of all functions of the project.
    """

    def __init__(self, project: Project) -> None:
        """Indexes the project's files."""
        self._modules = {str(m.path.resolve()): m for m in project.modules.values()}
        self._known: dict[str, Module | None] = {}
        self.functions = {f.name for m in project.modules.values() for f in m.functions}

    def module(self, file: str) -> Module | None:
        """Returns the project's module in a file."""
        if file not in self._known:
            found = self._modules.get(file)
            if found is None and not file.startswith("<"):
                found = self._modules.get(str(Path(file).resolve()))
            self._known[file] = found
        return self._known[file]

    def of_error(self, error: BaseException) -> Spot | None:
        """Returns the innermost place in the project that an error came through."""
        for each in (error.__cause__, error, error.__context__):
            spot = self._innermost(each) if each is not None else None
            if spot is not None:
                return spot
        return None

    def raised_by_project(self, error: BaseException) -> bool:
        """Whether the project's own code raised an error, rather than a library it called."""
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        return bool(frames) and self.module(frames[-1].f_code.co_filename) is not None

    def of_equation(self, equation: Any, *, directly: bool = False) -> Spot | None:
        """Returns the innermost place in the project that an equation was traced at.

        Args:
            equation: The equation.
            directly: Return None where another library was called in between.
        """
        for file, line, column, end_line, end_column in private.frames(equation):
            module = self.module(file)
            if module is not None:
                return Spot(module, line, column, end_line, end_column)
            if directly:
                return None
        return None

    def _innermost(self, error: BaseException) -> Spot | None:
        spot = None
        for frame, line in traceback.walk_tb(error.__traceback__):
            module = self.module(frame.f_code.co_filename)
            if module is not None:
                spot = Spot(module, line)
        if spot is None:
            return None
        return _narrowed(error, spot)


def _narrowed(error: BaseException, spot: Spot) -> Spot:
    """Adds the columns, which Python knows of each instruction."""
    trace = error.__traceback__
    found = spot
    while trace is not None:
        code = trace.tb_frame.f_code
        if trace.tb_lineno == spot.line and Path(code.co_filename).name == spot.module.path.name:
            positions = list(code.co_positions())
            index = trace.tb_lasti // 2
            if index < len(positions):
                line, end_line, column, end_column = positions[index]
                if line is not None and None not in (column, end_line, end_column):
                    found = Spot(spot.module, line, column, end_line, end_column)
        trace = trace.tb_next
    return found


def finding(
    code: str,
    where: Spot | tuple[Module, ast.AST],
    message: str,
    confidence: Confidence = Confidence.PROVEN,
    related: tuple[Place, ...] = (),
) -> Finding:
    """Makes a finding of this tier."""
    described = rules()[code]
    if isinstance(where, Spot):
        module, place = where.module, where.place()
    else:
        module, place = where[0], where[0].place(where[1])
    return Finding(
        code,
        described.name,
        place,
        message,
        confidence,
        described.severity,
        related,
        tier="trace",
        function=_function_at(module, place.line),
    )


def _function_at(module: Module, line: int) -> str:
    around = [
        function
        for function in module.functions
        if function.node.lineno <= line <= (function.node.end_lineno or 0)
    ]
    return max(around, key=lambda f: f.node.lineno).qualname if around else ""


def nodes_at(module: Module, line: int, kinds: Iterable[type[ast.AST]]) -> list[ast.AST]:
    """Returns the nodes of some types that reach over a line."""
    return [
        node
        for kind in kinds
        for node in module.nodes(kind)
        if node.lineno <= line <= (node.end_lineno or node.lineno)  # pyright: ignore[reportAttributeAccessIssue]
    ]
