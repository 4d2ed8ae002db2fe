"""Values of which an annotation says something: of parameters, and of the fields of classes."""

import ast

from ..source.module import Module
from ..source.scopes import Class
from .annotated import Annotated, annotated
from .tokens import Token
from .values import CLEAN, Value


def input_value(module: Module, annotation: ast.expr | None, number: int) -> Value:
    """Returns the value of the input of that number."""
    says = annotated(module, annotation)
    origin = "plain" if says.scalar or says.number else "input"
    token = Token(origin, evidence=says.key, input=(number, ()))
    return _annotated_value(says, token, 2 << number)


def _annotated_value(says: Annotated, token: Token, bit: int) -> Value:
    """Returns a value of which an annotation says something; a tuple with its elements."""
    if says.array or says.key:
        token.evidence |= says.key
        return Value(token, taint=bit)
    items = None
    if says.items:
        items = tuple(
            _annotated_value(each, token.child("element", position), bit)
            for position, each in enumerate(says.items)
        )
    return Value(token, raw=bit, items=items, cls=says.cls)


def attribute_value(cls: tuple[Module, Class], name: str, mask: int) -> Value:
    """Returns an attribute of an instance of a class of the project, without an identity.

    Args:
        cls: The class and its module.
        name: The attribute.
        mask: The inputs that the instance depends on.
    """
    module, found = cls
    declared = found.fields.get(name)
    if declared is None:
        return CLEAN
    says = annotated(module, declared.annotation)
    return Value(taint=mask) if says.array else Value(cls=says.cls)
