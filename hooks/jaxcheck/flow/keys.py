"""The linear part of the interpreter: keys are consumed once, donated buffers not used again."""

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..findings import Confidence
from .state import State, join
from .summary import Consumption, KeyEvent
from .values import Site, Token, Value, joined

if TYPE_CHECKING:
    from .interpreter import Interpreter

__all__ = ["join", "joined"]


def consume(
    run: "Interpreter",
    token: Token,
    node: ast.AST,
    strong: bool,
    what: str,
    direct: bool = False,
    held: bool = False,
) -> None:
    """Notes that a key is consumed, and whether it, an element or its array was before."""
    if token.origin == "plain":
        return
    token.evidence |= strong
    state = run.state
    here = Site(node, strong, what, state.guards, run.evaluations, direct, held)
    for first in _conflicts(state, token):
        if first.at != here.at and (first.held and not strong or held and not first.strong):
            continue
        if not first.excludes(state.guards):
            _report(run, token, first, here)
            break
    before = state.consumed.get(token, ())
    if all(site.node is not node or site.guards != here.guards for site in before):
        state.consumed[token] = (*before, here)
    _note_inputs(run, token, here)


def _conflicts(state: State, token: Token) -> Iterator[Site]:
    yield from state.consumed.get(token, ())
    if token.children or token.origin == "element":
        for other, sites in state.consumed.items():
            if other is token:
                continue
            # A container is an array of keys only where something shows it: it may as well be a
            # carry that holds a key among other things.
            if (other.within(token) and token.is_key) or (token.within(other) and other.is_key):
                yield from sites


def _report(run: "Interpreter", token: Token, first: Site, again: Site) -> None:
    if first.node is again.node and first.at != again.at:
        code = "JX502"
        if any(e.token is token and e.code == "JX501" for e in run.summary.key_events):
            return
    elif token.origin == "fold":
        code = "JX510"
    elif first.what == again.what == "nnx.Rngs":
        code = "JX513"
    else:
        code = "JX501"
    both = first.strong and again.strong
    inside = run.loop_guards[-1] if run.loop_guards else 0
    guards = again.guards[inside:] if code == "JX502" else ()
    certain = first.direct and again.direct and not guards
    certain = certain and set(first.guards) <= set(again.guards)
    confidence = Confidence.PROVEN if certain else Confidence.LIKELY
    event(run, code, again.node, token, first, again, confidence, both or code == "JX513")


def event(
    run: "Interpreter",
    code: str,
    node: ast.AST,
    token: Token,
    first: Site | None,
    again: Site,
    confidence: Confidence,
    sure: bool,
) -> None:
    """Notes a misuse of a key, once per place and code."""
    if not any(e.node is node and e.code == code for e in run.summary.key_events):
        env = run.state.env
        name = next((path for path, value in env.items() if value.token is token), "")
        run.summary.key_events.append(
            KeyEvent(code, node, token, name, first, again, confidence, sure)
        )


def _note_inputs(run: "Interpreter", token: Token, site: Site) -> None:
    function = run.function
    todo = [token]
    while todo:
        here = todo.pop()
        if here.origin == "joined":
            todo += [source for source in here.children.values() if source.origin != "joined"]
        if here.input is not None:
            number, path = here.input
            if number == 0 and path and function is not None and function.is_method:
                continue  # an attribute of the instance: the method's own affair
            # Under a condition the callee may or may not consume it: not certain for callers.
            strong = site.strong and not site.guards
            run.summary.consumptions.append(Consumption(number, path, strong, site.node))
        elif here.origin == "global":
            run.summary.global_keys.append((str(here.label), site))


def consume_value(
    run: "Interpreter", value: Value, node: ast.AST, what: str, held: bool = False
) -> None:
    """An unknown function may consume whatever keys a value holds."""
    if value.token is not None and value.items is None:
        consume(run, value.token, node, False, what, held=held)
    for part in value.parts():
        consume_value(run, part, node, what, held)


def after_iteration(run: "Interpreter", iterable: ast.expr, value: Value) -> None:
    """After a loop that consumed the elements of an array of keys, the whole array is consumed."""
    values = [value]
    if isinstance(iterable, ast.Call):
        values += [run.peek(a) for a in iterable.args if not isinstance(a, ast.Starred)]
        if isinstance(iterable.func, ast.Attribute):
            values.append(run.peek(iterable.func.value))
    for each in values:
        if each.token is None:
            continue
        eaten = [
            (token, sites)
            for token, sites in run.state.consumed.items()
            if token.parent is each.token
            and isinstance(token.label, tuple)
            and token.label[:1] == ("each",)
        ]
        if eaten:
            for token, _ in eaten:
                del run.state.consumed[token]
            site = eaten[0][1][0]
            consume(run, each.token, site.node, site.strong, site.what)


def escapes(run: "Interpreter", node: ast.AST, value: Value, how: str) -> None:
    """Notes that consumed keys leave: returned, yielded or stored where others will use them."""
    if value.token is not None:
        for site in run.state.consumed.get(value.token, ()):
            if site.strong and not site.excludes(run.state.guards):
                certain = set(site.guards) <= set(run.state.guards)
                here = Site(node, True, how, run.state.guards)
                confidence = Confidence.PROVEN if certain else Confidence.LIKELY
                event(run, "JX503", node, value.token, site, here, confidence, False)
                break
    for part in value.parts():
        escapes(run, node, part, how)


def leave(run: "Interpreter") -> None:
    """At a way out of a method: keys in attributes of the instance that were consumed are stale."""
    function = run.function
    if function is None or not function.is_method or not function.parameters:
        return
    if run.engine.is_immutable(run.module, function.owner):
        return
    instance = f"{function.parameters[0].name}."
    for path, value in run.state.env.items():
        if not path.startswith(instance) or value.token is None:
            continue
        if any(e.token is value.token for e in run.summary.key_events):
            continue
        for site in run.state.consumed.get(value.token, ()):
            if site.strong and not site.excludes(run.state.guards):
                here = Site(site.node, True, path, run.state.guards)
                event(
                    run, "JX504", site.node, value.token, None, here, Confidence.LIKELY, False
                )  # fmt: skip
                break


def rebinds_parameter(
    run: "Interpreter", target: ast.Name, value: Value, statement: ast.AST
) -> None:
    """Notes that a parameter gives way to a key with a constant seed before anybody used it."""
    token = value.token
    if token is None or token.origin != "born" or token.label != "constant seed":
        return
    entry = run.entry.get(target.id)
    current = run.state.env.get(target.id)
    if entry is None or current is None or current.token is not entry:
        return
    if run.function is None or run.function.parameter(target.id) is None:
        return
    if entry in run.state.consumed or any(target.id in str(key) for key, _, _ in run.state.guards):
        return
    here = Site(statement, True, target.id, run.state.guards)
    event(run, "JX508", statement, token, None, here, Confidence.LIKELY, True)


def used(run: "Interpreter", node: ast.AST, value: Value) -> None:
    """Notes that a buffer is used after it was donated."""
    if not run.state.donated or value.token is None:
        return
    for token, site in run.state.donated.items():
        if value.token.within(token, fields=True) and not site.excludes(run.state.guards):
            run.summary.donations.append((node, site))
            return


def finish(run: "Interpreter") -> None:
    """At the end of a function: drops what did not turn out to be about keys."""
    if not run.state.dead:
        leave(run)
    summary = run.summary
    summary.key_events = [e for e in summary.key_events if e.sure or e.token.is_key]
    evident = {
        c.input
        for c in summary.consumptions
        if c.strong or (name := summary.inputs[c.input]) in run.entry and run.entry[name].is_key
    }
    unique = {}
    for consumption in summary.consumptions:
        if consumption.input in evident:
            place = (consumption.input, consumption.path)
            known = unique.get(place)
            if known is None or consumption.strong and not known.strong:
                unique[place] = consumption
    summary.consumptions = list(unique.values())
