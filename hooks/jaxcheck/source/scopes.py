"""Functions, classes and the names that they bind."""

import ast
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(eq=False, slots=True)
class Scope:
    """A module, a class body or a function, and what each name in it is bound to.

    Attributes:
        node: The node that opens it.
        parent: The scope around it; None for a module.
        imports: Names bound by import statements, with their dotted names.
        aliases: Names bound once, to a dotted expression (`rand = jax.random`).
        bound: Every name that it binds, imports and definitions included.
        functions: Functions defined in it, by name (the last one, if there are several).
        classes: Classes defined in it, by name.
        declared: Names declared global or nonlocal in it.
    """

    node: ast.AST
    parent: "Scope | None"
    imports: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)
    bound: dict[str, int] = field(default_factory=dict)
    functions: dict[str, "Function"] = field(default_factory=dict)
    classes: dict[str, "Class"] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)

    @property
    def is_class(self) -> bool:
        """Whether it is a class body, whose names its functions do not see."""
        return isinstance(self.node, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function, in the order of its signature.

    Attributes:
        kind: "positional", "keyword", "args" or "kwargs".
    """

    name: str
    annotation: ast.expr | None
    default: ast.expr | None
    kind: str
    node: ast.arg


@dataclass(eq=False, slots=True)
class Function:
    """A function, method or lambda.

    Attributes:
        name: Its name; "<lambda>" for a lambda.
        qualname: Its path in its module, as in `__qualname__`.
        owner: The class it is a method of.
        parent: The function around it.
        scope: What it binds.
    """

    node: FunctionNode
    name: str
    qualname: str
    owner: "Class | None"
    parent: "Function | None"
    scope: Scope
    parameters: tuple[Parameter, ...]

    @property
    def decorators(self) -> list[ast.expr]:
        """Its decorators, outermost first."""
        return [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list

    @property
    def body(self) -> list[ast.stmt]:
        """Its statements; a lambda's is its value, returned."""
        if isinstance(self.node, ast.Lambda):
            value = self.node.body
            return [ast.copy_location(ast.Return(value=value), value)]
        return self.node.body

    @property
    def returns(self) -> ast.expr | None:
        """The annotation of what it returns."""
        return None if isinstance(self.node, ast.Lambda) else self.node.returns

    @property
    def is_method(self) -> bool:
        """Whether its first parameter is the instance."""
        return self.owner is not None and not any(
            isinstance(d, ast.Name) and d.id in ("staticmethod", "classmethod")
            for d in self.decorators
        )

    def parameter(self, name: str) -> Parameter | None:
        """Returns the parameter of that name."""
        return next((p for p in self.parameters if p.name == name), None)


@dataclass(eq=False, slots=True)
class Class:
    """A class: its bases as written, its methods, and the annotated names of its body."""

    node: ast.ClassDef
    name: str
    qualname: str
    scope: Scope
    methods: dict[str, Function] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, ast.AnnAssign]:
        """The annotated names of its body, as in a dataclass."""
        return {
            statement.target.id: statement
            for statement in self.node.body
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        }


def parameters_of(node: FunctionNode) -> tuple[Parameter, ...]:
    """Returns the parameters of a function in the order of its signature."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    found = [
        Parameter(a.arg, a.annotation, default, "positional", a)
        for a, default in zip(positional, defaults, strict=True)
    ]
    if arguments.vararg:
        a = arguments.vararg
        found.append(Parameter(a.arg, a.annotation, None, "args", a))
    found += [
        Parameter(a.arg, a.annotation, default, "keyword", a)
        for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg:
        a = arguments.kwarg
        found.append(Parameter(a.arg, a.annotation, None, "kwargs", a))
    return tuple(found)
