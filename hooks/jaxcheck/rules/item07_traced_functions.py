"""Item 7: what it is counted over."""

import ast
from collections.abc import Iterator

from ..catalogue import subjects
from ..project import Project
from ..source.module import Module
from ..tracing import traced


@subjects(7, "traced functions free of control flow on traced values")
def _traced(module: Module, project: Project) -> Iterator[ast.AST]:
    for tracing in traced(project).values():
        if tracing.module is module:
            yield tracing.function.node
