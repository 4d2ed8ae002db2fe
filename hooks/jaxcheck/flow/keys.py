"""Keys are linear: each is consumed at most once."""

import ast
from collections.abc import Iterable, Iterator

from ..findings import Confidence
from .run import Run
from .state import State
from .summary import Consumption, KeyEvent
from .tokens import Each, Site, Token
from .values import Value


def how_sure(certain: bool) -> Confidence:
    """Returns the confidence in what is certain, or else just likely."""
    return Confidence.PROVEN if certain else Confidence.LIKELY


def consume(
    run: Run,
    token: Token,
    node: ast.AST,
    strong: bool,
    what: str,
    direct: bool = False,
    held: tuple[Token | None, ...] = (),
) -> None:
    """Notes that a key is consumed, and whether it, an element or its array was before.

    Args:
        run: The run.
        token: The key.
        node: Where.
        strong: Whether it is consumed for certain, so that it is a key.
        what: What consumes it, for messages.
        direct: Whether a function of `jax.random` does.
        held: All that the variable holds which it came along in.
    """
    if token.origin == "plain":
        return
    token.evidence |= strong
    state = run.state
    here = Site(node, strong, what, state.guards, run.calls, direct, held)
    for first in _conflicts(state, token):
        if not first.excludes(state.guards):
            _report(run, token, first, here)
            break
    before = state.consumed.get(token, ())
    if all(site.node is not node or site.guards != here.guards for site in before):
        state.consumed[token] = (*before, here)
    _note_inputs(run, token, here)


def _conflicts(state: State, token: Token) -> Iterator[Site]:
    yield from state.consumed.get(token, ())
    # A container is an array of keys only where something shows it: it may as well be a carry that
    # holds a key among other things.
    if token.is_key:
        for inner in token.elements():
            yield from state.consumed.get(inner, ())
    outer = token
    while outer.origin == "element" and outer.parent is not None:
        outer = outer.parent
        if outer.is_key:
            yield from state.consumed.get(outer, ())


def _report(run: Run, token: Token, first: Site, again: Site) -> None:
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
    inside = run.loops[-1].guards if run.loops else 0
    unconditional = code != "JX502" or not again.guards[inside:]
    certain = first.direct and again.direct and unconditional
    certain = certain and set(first.guards) <= set(again.guards)
    sure = (first.strong and again.strong) or code == "JX513"
    note(run, code, again.node, token, first, again, how_sure(certain), sure)


def note(
    run: Run,
    code: str,
    node: ast.AST,
    token: Token,
    first: Site | None,
    again: Site,
    confidence: Confidence,
    sure: bool,
) -> None:
    """Notes a misuse of a key, once per place and code; the arguments are those of the event."""
    if not any(e.node is node and e.code == code for e in run.summary.key_events):
        env = run.state.env
        name = next((path for path, value in env.items() if value.token is token), "")
        run.summary.key_events.append(
            KeyEvent(code, node, token, name, first, again, confidence, sure)
        )


def _note_inputs(run: Run, token: Token, site: Site) -> None:
    """Notes for the callers that what comes in is consumed."""
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
    run: Run, value: Value, node: ast.AST, what: str, held: tuple[Token | None, ...] = ()
) -> None:
    """An unknown function may consume whatever keys a value holds."""
    if value.items is None:
        if value.token is not None:
            consume(run, value.token, node, False, what, held=held)
        return
    for part in value.parts():
        consume_value(run, part, node, what, held)


def consume_wholes(run: Run, arrays: Iterable[Value], node: ast.AST | None = None) -> None:
    """After a loop over arrays of keys: those whose elements it consumed are consumed as a whole.

    Args:
        run: The run.
        arrays: What the loop ran over.
        node: Where the arrays are consumed, if not where their elements are.
    """
    consumed = run.state.consumed
    for array in arrays:
        if array.token is None:
            continue
        taken = [
            token
            for token in consumed
            if token.parent is array.token and isinstance(token.label, Each)
        ]
        if taken:
            site = consumed[taken[0]][0]
            for token in taken:
                del consumed[token]
            consume(run, array.token, node or site.node, site.strong, site.what)


def escapes(run: Run, node: ast.AST, value: Value, how: str) -> None:
    """Notes that consumed keys leave: returned, yielded or stored where others will use them."""
    if value.token is not None:
        site = _consumed_for_certain(run, value.token)
        if site is not None:
            certain = set(site.guards) <= set(run.state.guards)
            here = Site(node, True, how, run.state.guards)
            note(run, "JX503", node, value.token, site, here, how_sure(certain), False)
    for part in value.parts():
        escapes(run, node, part, how)


def _consumed_for_certain(run: Run, token: Token) -> Site | None:
    """Returns where a key was consumed for certain on a way to this point."""
    for site in run.state.consumed.get(token, ()):
        if site.strong and not site.excludes(run.state.guards):
            return site
    return None


def leave(run: Run) -> None:
    """At a way out of a method: keys in attributes of the instance that were consumed are stale."""
    function = run.function
    if function is None or not function.is_method or not function.parameters:
        return
    if not run.state.consumed:
        return
    if run.engine.definitions.is_immutable(run.module, function.owner):
        return
    instance = f"{function.parameters[0].name}."
    for path, value in run.state.env.items():
        if not path.startswith(instance) or value.token is None:
            continue
        if any(e.token is value.token for e in run.summary.key_events):
            continue
        site = _consumed_for_certain(run, value.token)
        if site is not None:
            here = Site(site.node, True, path, run.state.guards)
            note(run, "JX504", site.node, value.token, None, here, Confidence.LIKELY, False)


def overwrites(run: Run, target: ast.Name, value: Value, statement: ast.AST) -> None:
    """Notes that a parameter gives way to a key with a constant seed before anybody used it."""
    token = value.token
    if token is None or token.origin != "born" or token.label != "constant seed":
        return
    if run.function is None or run.function.parameter(target.id) is None:
        return
    entry = run.inputs[target.id].token
    current = run.state.env.get(target.id)
    if entry is None or current is None or current.token is not entry:
        return
    if entry in run.state.consumed or any(target.id in str(key) for key, _, _ in run.state.guards):
        return
    here = Site(statement, True, target.id, run.state.guards)
    note(run, "JX508", statement, token, None, here, Confidence.LIKELY, True)


def finish(run: Run) -> None:
    """At the end of a function: drops what did not turn out to be about keys."""
    if not run.state.dead:
        leave(run)
    summary = run.summary
    summary.key_events = [
        e for e in summary.key_events if (e.sure or e.token.is_key) and _is_meant(e)
    ]
    keys = {number for number, name in enumerate(summary.inputs) if _is_key(run.inputs[name])}
    keys |= {c.input for c in summary.consumptions if c.strong}
    unique: dict[tuple[int, tuple[object, ...]], Consumption] = {}
    for consumption in summary.consumptions:
        if consumption.input in keys:
            place = (consumption.input, consumption.path)
            known = unique.get(place)
            if known is None or (consumption.strong and not known.strong):
                unique[place] = consumption
    summary.consumptions = list(unique.values())


def _is_meant(event: KeyEvent) -> bool:
    """Whether no key just came along in a variable, as in a state that holds one among others."""
    sites = (event.first, event.again)
    held = [token for site in sites if site is not None for token in site.held]
    return all(token is not None and token.is_key for token in held)


def _is_key(value: Value) -> bool:
    return value.token is not None and value.token.is_key
