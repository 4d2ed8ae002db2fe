"""One walk over a tree, which finds everything that rules look things up by."""

import ast
from collections import defaultdict

from .scopes import Class, Function, FunctionNode, Scope, parameters_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Index:
    """Nodes by type, the parent and the scope of every node, the functions and the classes.

    Attributes:
        nodes: Every node by its exact type, in source order.
        parents: The parent of every node but the module.
        scopes: The scope of every node: for a function, the one that it is defined in.
        functions: Every function, method and lambda by its node.
        classes: Every class by its node.
    """

    def __init__(self, tree: ast.Module, package: str, is_package: bool) -> None:
        self.nodes: defaultdict[type[ast.AST], list] = defaultdict(list)
        self.parents: dict[ast.AST, ast.AST] = {}
        self.scopes: dict[ast.AST, Scope] = {}
        self.functions: dict[ast.AST, Function] = {}
        self.classes: dict[ast.AST, Class] = {}
        self.module_scope = Scope(tree, None)
        self._package = package
        self._is_package = is_package
        self.scopes[tree] = self.module_scope
        for statement in tree.body:
            self._visit(statement, tree, self.module_scope, None, None, "")

    def _visit(
        self,
        node: ast.AST,
        parent: ast.AST,
        scope: Scope,
        function: Function | None,
        owner: Class | None,
        prefix: str,
    ) -> None:
        kind = type(node)
        self.nodes[kind].append(node)
        self.parents[node] = parent
        self.scopes[node] = scope
        if kind is ast.Name:
            if type(node.ctx) is not ast.Load:  # pyright: ignore[reportAttributeAccessIssue]
                _bind(scope, node.id)  # pyright: ignore[reportAttributeAccessIssue]
            return
        if kind is ast.Constant:
            return
        if isinstance(node, _FUNCTIONS):
            self._visit_function(node, scope, function, owner, prefix)
            return
        if isinstance(node, ast.ClassDef):
            self._visit_class(node, scope, function, prefix)
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._visit_import(node, scope)
            return
        if isinstance(node, ast.Global | ast.Nonlocal):
            scope.declared.update(node.names)
            return
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                scope.aliases[target.id] = node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            if isinstance(node.target, ast.Name):
                scope.aliases[node.target.id] = node.value
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            _bind(scope, node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            _bind(scope, node.rest)
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self._visit(item, node, scope, function, owner, prefix)
            elif isinstance(value, ast.AST) and not isinstance(
                value, ast.expr_context | ast.operator | ast.boolop | ast.unaryop
            ):
                self._visit(value, node, scope, function, owner, prefix)

    def _visit_function(
        self,
        node: FunctionNode,
        scope: Scope,
        parent: Function | None,
        owner: Class | None,
        prefix: str,
    ) -> None:
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        qualname = prefix + name
        inner = Scope(node, scope)
        parameters = parameters_of(node)
        method_of = owner if scope.is_class else None
        function = Function(node, name, qualname, method_of, parent, inner, parameters)
        self.functions[node] = function
        if not isinstance(node, ast.Lambda):
            _bind(scope, name)
            scope.functions[name] = function
            if method_of is not None:
                method_of.methods[name] = function
            for decorator in node.decorator_list:
                self._visit(decorator, node, scope, parent, owner, prefix)
            if node.returns is not None:
                self._visit(node.returns, node, scope, parent, owner, prefix)
        for parameter in parameters:
            inner.bound[parameter.name] = 1
            self.parents[parameter.node] = node
            self.scopes[parameter.node] = inner
            for outside in (parameter.annotation, parameter.default):
                if outside is not None:
                    self._visit(outside, parameter.node, scope, parent, owner, prefix)
        within = f"{qualname}.<locals>."
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        for statement in body:
            self._visit(statement, node, inner, function, None, within)

    def _visit_class(
        self, node: ast.ClassDef, scope: Scope, function: Function | None, prefix: str
    ) -> None:
        inner = Scope(node, scope)
        found = Class(node, node.name, prefix + node.name, inner)
        self.classes[node] = found
        _bind(scope, node.name)
        scope.classes[node.name] = found
        for outside in (*node.decorator_list, *node.bases, *(k.value for k in node.keywords)):
            self._visit(outside, node, scope, function, None, prefix)
        for statement in node.body:
            self._visit(statement, node, inner, function, found, f"{found.qualname}.")

    def _visit_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                scope.imports[name] = alias.name if alias.asname else name
                _bind(scope, name)
            return
        base = node.module or ""
        if node.level:
            up = node.level - 1 if self._is_package else node.level
            parts = self._package.split(".") if self._package else []
            parts = parts[: len(parts) - up] if up <= len(parts) else []
            base = ".".join([*parts, base] if base else parts)
        for alias in node.names:
            if alias.name != "*":
                name = alias.asname or alias.name
                scope.imports[name] = f"{base}.{alias.name}" if base else alias.name
                _bind(scope, name)


def _bind(scope: Scope, name: str) -> None:
    scope.bound[name] = scope.bound.get(name, 0) + 1
