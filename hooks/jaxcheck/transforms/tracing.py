"""Which functions JAX traces, how, and with which static arguments."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..project import Project
from ..source.module import Module
from ..source.scopes import Class, Function, FunctionNode
from .tables import PARTIAL, TRANSFORMS, Transform


@dataclass(eq=False, slots=True)
class Target:
    """A function as an expression refers to it, with what `partial` has bound on the way.

    Attributes:
        bound: How many leading parameters are bound already, the instance included.
        names: Parameters that are bound by keyword.
    """

    module: Module
    function: Function
    bound: int = 0
    names: frozenset[str] = frozenset()

    @property
    def free(self) -> list[str]:
        """The positional parameters that are still to be given, in order."""
        positional = [p.name for p in self.function.parameters if p.kind == "positional"]
        return [name for name in positional[self.bound :] if name not in self.names]


@dataclass(eq=False, slots=True)
class JitSite:
    """One application of a transformation to a function: a decorator or a call.

    Attributes:
        module: Where it stands.
        node: The decorator or the call.
        name: The transformation's canonical name, such as `jax.jit`.
        transform: What it does.
        target: The function that it is applied to, where the project defines it.
        keywords: The keywords that steer it (`static_argnames`, `donate_argnums`, …).
        decorator: Whether it is a decorator.
    """

    module: Module
    node: ast.expr
    name: str
    transform: Transform
    target: Target | None
    keywords: dict[str, ast.expr]
    decorator: bool

    def names_of(self, *options: str) -> frozenset[str] | None:
        """Returns the parameters that options such as `static_argnums` name.

        Returns:
            None where an option is no literal, or needs a function that is not known.
        """
        found: set[str] = set()
        for option in options:
            node = self.keywords.get(option)
            if node is None:
                continue
            value = self.module.literal(node)
            values = value if isinstance(value, tuple) else (value,)
            if isinstance(node, ast.Constant) and value is None:
                continue
            for each in values:
                if isinstance(each, str):
                    found.add(each)
                elif isinstance(each, int) and self.target is not None:
                    free = self.target.free
                    if -len(free) <= each < len(free):
                        found.add(free[each])
                else:
                    return None
        return frozenset(found)

    @property
    def static(self) -> frozenset[str] | None:
        """The static parameters; None where they cannot be known."""
        options = ("static_argnames", "static_argnums", "static_broadcasted_argnums")
        return self.names_of(*options)

    @property
    def donated(self) -> frozenset[str] | None:
        """The parameters whose buffers are donated; None where they cannot be known."""
        return self.names_of("donate_argnums", "donate_argnames")


@dataclass(eq=False, slots=True)
class Tracing:
    """How one function is traced.

    Attributes:
        traced: The parameters that are tracers, under any of its transformations.
        static: The parameters that some `jit` declares static.
        staged: Whether even constants are tracers in it, as under `jit`, `scan` or `cond`.
        certain: False where arguments may be static in ways that the source does not show.
        sites: The transformations.
    """

    module: Module
    function: Function
    traced: set[str] = field(default_factory=set)
    static: set[str] = field(default_factory=set)
    staged: bool = False
    certain: bool = True
    sites: list[JitSite] = field(default_factory=list)


def traced(project: Project) -> dict[FunctionNode, Tracing]:
    """Returns every function that the project hands to a transformation, by its node.

    Only direct hand-overs count; that a traced function calls another one is for the flow engine.
    """
    found: dict[FunctionNode, Tracing] | None = project.facts.get("traced")
    if found is None:
        found = {}
        for module in list(project.modules.values()):
            if module.uses_jax:
                for site in jit_sites(module):
                    _add(found, site)
        project.facts["traced"] = found
    return found


def jit_sites(module: Module) -> list[JitSite]:
    """Returns every application of a transformation in a module, one per function it is given."""
    assert module.project is not None
    key = ("jit_sites", module.name, id(module))
    found = module.project.facts.get(key)
    if found is None:
        found = [*_calls(module), *_decorators(module)]
        module.project.facts[key] = found
    return found


def target_of(module: Module, node: ast.expr, depth: int = 6) -> Target | None:
    """Returns the function that an expression stands for, seen through `partial` and wrappers."""
    if depth < 0:
        return None
    if isinstance(node, ast.Lambda):
        return Target(module, module.function(node))
    if isinstance(node, ast.Call):
        name = module.resolve(node.func)
        if name in PARTIAL and node.args:
            inner = target_of(module, node.args[0], depth - 1)
            if inner is None or any(isinstance(a, ast.Starred) for a in node.args):
                return None
            names = frozenset(k.arg for k in node.keywords if k.arg)
            bound = inner.bound + len(node.args) - 1
            return Target(inner.module, inner.function, bound, inner.names | names)
        transform = TRANSFORMS.get(name) if name else None
        if transform and transform.wraps and node.args:
            return target_of(module, node.args[0], depth - 1)
        return _factory(module, node, depth)
    if isinstance(node, ast.Name):
        return _named(module, node, depth)
    if isinstance(node, ast.Attribute):
        return _attribute(module, node)
    return None


def _factory(module: Module, node: ast.Call, depth: int) -> Target | None:
    """Returns the function that a call makes, as in `jax.jit(make_step(config))`."""
    maker = target_of(module, node.func, depth - 1)
    if maker is None:
        return None
    returns = [s.value for s in maker.function.body if isinstance(s, ast.Return)]
    if len(returns) != 1 or not isinstance(returns[0], ast.Name):
        return None
    made = maker.function.scope.functions.get(returns[0].id)
    return Target(maker.module, made) if made else None


def _named(module: Module, node: ast.Name, depth: int) -> Target | None:
    scope = module.index.scopes.get(node)
    inside = scope
    while scope is not None:
        if node.id in scope.bound and not (scope.is_class and scope is not inside):
            if node.id in scope.functions:
                return Target(module, scope.functions[node.id])
            if scope.bound[node.id] == 1 and node.id in scope.aliases:
                return target_of(module, scope.aliases[node.id], depth - 1)
            break
        scope = scope.parent
    return _elsewhere(module, node)


def _attribute(module: Module, node: ast.Attribute) -> Target | None:
    if isinstance(node.value, ast.Name):
        around = module.enclosing_function(node)
        while around is not None and around.owner is None:
            around = around.parent
        method = around is not None and around.is_method and around.parameters
        if around and around.owner and method and around.parameters[0].name == node.value.id:
            return method_of(module, around.owner, node.attr)
    return _elsewhere(module, node)


def method_of(module: Module, owner: Class, name: str) -> Target | None:
    """Returns a method of a class or of its bases inside the project, its instance bound."""
    method = owner.methods.get(name)
    if method is not None:
        return Target(module, method, 1 if method.is_method else 0)
    assert module.project is not None
    for base in module.project.bases(module, owner):
        further = module.project.class_(base)
        if further and name in further[1].methods:
            method = further[1].methods[name]
            return Target(further[0], method, 1 if method.is_method else 0)
    return None


def _elsewhere(module: Module, node: ast.expr) -> Target | None:
    assert module.project is not None
    found = module.project.function(module.resolve(node))
    return Target(*found) if found else None


def _calls(module: Module) -> Iterator[JitSite]:
    for call in module.nodes(ast.Call):
        name = module.resolve(call.func)
        transform = TRANSFORMS.get(name) if name else None
        if transform is None or name is None:
            continue
        keywords = {k.arg: k.value for k in call.keywords if k.arg}
        given = [call.args[i] for i in transform.functions if i < len(call.args)]
        given += [keywords[k] for k in transform.keywords if k in keywords]
        for function in given:
            several = function.elts if isinstance(function, ast.List | ast.Tuple) else [function]
            for each in several:
                target = target_of(module, each)
                yield JitSite(module, call, name, transform, target, keywords, False)


def _decorators(module: Module) -> Iterator[JitSite]:
    for function in module.functions:
        for node in function.decorators:
            site = decorator_site(module, function, node)
            if site is not None:
                yield site


def decorator_site(module: Module, function: Function, node: ast.expr) -> JitSite | None:
    """Returns the transformation that a decorator applies: bare, called, or through `partial`."""
    call = node if isinstance(node, ast.Call) else None
    name = module.resolve(call.func if call else node)
    if call and name in PARTIAL and call.args:
        name = module.resolve(call.args[0])
    transform = TRANSFORMS.get(name) if name else None
    if transform is None or name is None or not transform.wraps:
        return None
    keywords = {k.arg: k.value for k in call.keywords if k.arg} if call else {}
    return JitSite(module, node, name, transform, Target(module, function), keywords, True)


def _add(found: dict[FunctionNode, Tracing], site: JitSite) -> None:
    target = site.target
    if target is None:
        return
    function = target.function
    tracing = found.setdefault(function.node, Tracing(target.module, function))
    tracing.sites.append(site)
    static = site.static
    if static is None or site.transform.kind == "filter":
        tracing.certain = False
        static = static or frozenset()
    if static - {p.name for p in function.parameters}:
        tracing.certain = False  # a misspelt name: nobody knows which parameter was meant
    tracing.static |= static
    free = list(target.free)
    if site.decorator and function.is_method and free:
        free = free[1:]  # the instance: a pytree, or static; not an array
    kind = site.transform.kind
    if kind == "grad":
        given = site.names_of("argnums")
        if given is None:
            return
        tracing.traced |= given or set(free[:1])
    elif kind == "vmap":
        tracing.traced |= _mapped(site, free, "in_axes")
    elif "in_specs" in site.keywords:
        tracing.traced |= _mapped(site, free, "in_specs")
        tracing.staged = True
    else:
        tracing.traced |= set(free) - static
        keyword_only = {p.name for p in function.parameters if p.kind in ("keyword", "args")}
        tracing.traced |= keyword_only - static - target.names
        tracing.staged = True


def _mapped(site: JitSite, free: list[str], option: str) -> set[str]:
    """Returns the parameters that `vmap` or `shard_map` trace: not those whose axis is None."""
    node = site.keywords.get(option)
    call = site.node
    if node is None and option == "in_axes" and isinstance(call, ast.Call) and not site.decorator:
        node = call.args[1] if len(call.args) > 1 else None
    if isinstance(node, ast.Tuple | ast.List):
        axes = [not (isinstance(e, ast.Constant) and e.value is None) for e in node.elts]
        return {name for name, mapped in zip(free, axes, strict=False) if mapped}
    return set(free)
