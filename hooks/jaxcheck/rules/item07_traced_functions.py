"""Item 7: what it is counted over."""

import ast
from collections.abc import Iterator

from ..catalogue import subjects
from ..flow.engine import Engine
from ..project import Project
from ..source.module import Module


@subjects(7, "traced functions free of control flow on traced values")
def _traced(module: Module, project: Project) -> Iterator[ast.AST]:
    live = Engine.of(project).live()
    yield from (node for node in module.index.functions if node in live)
