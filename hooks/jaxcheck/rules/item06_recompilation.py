"""Item 6: nothing makes jit compile again and again."""

import ast
from collections.abc import Iterator

from ..catalogue import rule
from ..findings import Confidence, Finding
from ..project import Project
from ..source.module import Module
from ..source.scopes import Function
from ..transforms.jitted import jitted_calls, named_jits
from ..transforms.looping import Loop, counters, loops_around, names_in, short, varies, varying
from ..transforms.tables import PARTIAL, TRANSFORMS
from ..transforms.tracing import JitSite, traced


@rule(
    "JX605",
    "static-argument-varies",
    "A static argument takes another value in each round of a loop.",
    profile="bugs",
    confidences=(Confidence.LIKELY,),
)
def static_argument_varies(module: Module, project: Project) -> Iterator[Finding]:
    """Finds calls in loops whose static arguments are computed from the loop's counter."""
    for call in jitted_calls(module):
        for loop in loops_around(module, call.node):
            if short(module, loop):
                continue
            changing = varying(module, loop)
            for name, argument in call.static.items():
                if changing and varies(module, argument, changing):
                    yield module.finding(
                        "JX605",
                        argument,
                        f"`{name}` is static, and `{module.text(argument)}` is another value in "
                        f"each round of this loop, so each round traces and compiles anew. Leave "
                        f"`{name}` traced.",
                        related=(call.site.module.place(call.site.node, "declared static here"),),
                    )


@rule(
    "JX606",
    "jit-in-loop-or-per-call",
    "A function is made and jitted anew each time, so nothing compiled is found again.",
    profile="bugs",
    confidences=(Confidence.LIKELY, Confidence.HEURISTIC),
)
def jit_in_loop_or_per_call(module: Module, project: Project) -> Iterator[Finding]:
    """Finds jit of functions that are made in a loop, or in the expression that calls them."""
    for site in named_jits(module):
        around = module.enclosing_function(site.node)
        if site.decorator and site.target is not None:
            around = site.target.function.parent
        if _is_traced(around, project):
            continue  # under another trace, jit only inlines
        made = _made(module, site)
        if made is None:
            continue
        what, node = made
        for loop in loops_around(module, site.node):
            if not short(module, loop) and not _differs(module, loop, (node, site.node)):
                yield module.finding(
                    "JX606",
                    site.node,
                    f"Each round of this loop makes {what} and jits it; jit looks compiled code "
                    f"up by the identity of the function, so each round traces and compiles "
                    f"anew. Jit it once, before the loop.",
                    related=(module.place(loop, "the loop"),),
                )
                break
        else:
            call = module.parent(site.node)
            if around and isinstance(call, ast.Call) and call.func is site.node:
                yield module.finding(
                    "JX606",
                    site.node,
                    f"Every call of `{around.name}` makes {what}, jits it and throws the compiled "
                    f"code away. If it runs more than once, jit it once outside.",
                    confidence=_how_sure(module, around),
                )


def _is_traced(function: Function | None, project: Project) -> bool:
    found = traced(project)
    while function is not None:
        if function.node in found:
            return True
        function = function.parent
    return False


def _made(module: Module, site: JitSite) -> tuple[str, ast.AST] | None:
    """Returns what is jitted, if it is made on the spot; a named function is found again."""
    if site.decorator:
        function = site.target.function if site.target else None
        return (f"`{function.name}`", function.node) if function else None
    call = site.node
    given = call.args[0] if isinstance(call, ast.Call) and call.args else None
    if isinstance(given, ast.Lambda):
        return "a lambda", given
    if isinstance(given, ast.Call):
        name = module.resolve(given.func)
        if name in PARTIAL:
            return f"`{module.text(given)}`", given
        transform = TRANSFORMS.get(name) if name else None
        if transform is not None and transform.wraps:
            return f"`{module.text(given)}`", given
    if isinstance(given, ast.Name) and site.target is not None:
        function = site.target.function
        here = function.parent is module.enclosing_function(call) and function.name == given.id
        if here and any(loops_around(module, function.node)):
            return f"`{given.id}`", function.node
    return None


def _differs(module: Module, loop: Loop, made: tuple[ast.AST, ...]) -> bool:
    """Whether each round is about another function, in a loop that does not just count."""
    if isinstance(loop, ast.While) or counters(module, loop):
        return False
    bound = names_in(loop.target)
    for statement in loop.body:
        if isinstance(statement, ast.Assign) and bound & names_in(statement.value):
            bound |= {n for target in statement.targets for n in names_in(target)}
    return any(bound & names_in(node) for node in made)


def _how_sure(module: Module, around: Function) -> Confidence:
    """Likely where the module calls the function around in a loop."""
    for call in module.nodes(ast.Call):
        named = isinstance(call.func, ast.Name) and call.func.id == around.name
        if named and any(not short(module, loop) for loop in loops_around(module, call)):
            return Confidence.LIKELY
    return Confidence.HEURISTIC
