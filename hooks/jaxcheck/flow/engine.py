"""The summaries of all functions of a project, each made once and on demand."""

import ast
import sys
from functools import cached_property

from ..project import Failure, Project
from ..source.module import Module
from ..source.scopes import Function, FunctionNode
from .definitions import Definitions
from .interpreting import interpret
from .run import Run
from .summary import Summary
from .tracers import Live, live_inputs
from .values import Value

# The interpreter recurses along calls and expressions; Python's own limit is for runaways.
_RECURSION = 20_000


class Engine:
    """What is known of the functions of a project.

    Attributes:
        project: The project.
        definitions: What its names stand for.
        on_host: Functions that a callback runs on the host: never traced.
        passed: For functions that are called through a transformation: the parameters passed.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.definitions = Definitions(self)
        self.on_host: set[ast.AST] = set()
        self.passed: dict[ast.AST, set[str]] = {}
        self._summaries: dict[ast.AST, Summary | None] = {}
        self._top_levels: dict[Module, Run] = {}

    @classmethod
    def of(cls, project: Project) -> "Engine":
        """Returns the engine of a project, which has interpreted all of it."""
        engine = project.facts.get("flow")
        if engine is None:
            engine = project.facts["flow"] = cls(project)
            engine.run()
        return engine

    def run(self) -> None:
        """Interprets every function of every module."""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, _RECURSION))
        try:
            for module in self.project.modules.values():
                if module.uses_jax:
                    self.variables(module)
                    for function in module.functions:
                        self.summary(module, function)
        finally:
            sys.setrecursionlimit(limit)

    def summary(self, module: Module, function: Function) -> Summary | None:
        """Returns the summary of a function; None while it is being made, as in a recursion."""
        node = function.node
        if node not in self._summaries:
            self._summaries[node] = None
            self._summaries[node] = self._interpret(Run(self, module, function), node)
        return self._summaries[node]

    def _interpret(self, run: Run, node: ast.AST) -> Summary | None:
        """Returns what a function does; a failure on it is noted, and hides nothing of the rest."""
        try:
            return interpret(run)
        except Exception as error:
            self.project.failures.append(Failure(run.module, node, error))
            return None

    def variables(self, module: Module) -> dict[str, Value]:
        """Returns the values of a module's variables: after its import, or so far."""
        run = self._top_levels.get(module)
        if run is None:
            run = self._top_levels[module] = Run(self, module, None)
            if module.uses_jax:
                top = module.tree.body[0] if module.tree.body else module.tree
                self._summaries[module.tree] = self._interpret(run, top)
        return run.state.env

    def summaries(self, module: Module) -> list[Summary]:
        """Returns the summaries of a module's functions."""
        found = (self._summaries.get(node) for node in module.index.functions)
        return [summary for summary in found if summary is not None]

    def module_summary(self, module: Module) -> Summary | None:
        """Returns the summary of a module's top level."""
        return self._summaries.get(module.tree)

    def summary_of(self, node: ast.AST) -> Summary | None:
        """Returns the summary of a function that was interpreted."""
        return self._summaries.get(node)

    @cached_property
    def _live(self) -> dict[FunctionNode, Live]:
        return live_inputs(self)

    def live(self) -> dict[FunctionNode, Live]:
        """Returns which inputs are tracers, for every function that is ever traced."""
        return self._live
