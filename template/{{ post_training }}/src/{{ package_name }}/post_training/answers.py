r"""What a completion answers: its last number, or what it puts into ``\boxed{}``."""

import re
from fractions import Fraction

_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)"
_NUMBER = re.compile(
    # A minus behind a word or a bracket takes away; it is no sign.
    r"(?P<sign>(?<![\w)\]}])[-+\u2212])?(?:\\?[$€£]\s?)?"
    rf"(?P<number>{_DIGITS}(?:\.[0-9]+)?|\.[0-9]+)(?P<power>[eE][-+]?[0-9]{{1,3}})?"
    rf"(?:\s?/\s?(?P<divisor>{_DIGITS}))?"
)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*([-+]?[0-9]+)\s*\}\s*\{\s*([0-9]+)\s*\}")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)


def find_number(text: str) -> Fraction | None:
    r"""The last number of a text, inside ``\boxed{}`` if there is one.

    It may have a sign, commas between thousands, decimals and a power of ten, and be a fraction,
    ``3/4`` or ``\frac{3}{4}``. Units, currencies and percent signs do not count.

    Returns:
        Its exact value; None where the text has none, or has too many digits or divides by zero.
    """
    boxed = find_boxed(text)
    plain = (text if boxed is None else boxed).replace("{,}", ",").replace(r"\,", ",")
    numbers = [*_NUMBER.finditer(_FRACTION.sub(r"\1/\2", plain))]
    if not numbers:
        return None
    found = numbers[-1]
    number, divisor = (found[name] or "1" for name in ("number", "divisor"))
    try:
        value = Fraction(number.replace(",", "") + (found["power"] or ""))
        value /= Fraction(divisor.replace(",", ""))
    except (ValueError, ZeroDivisionError):
        return None
    return -value if found["sign"] in ("-", "\u2212") else value


def find_boxed(text: str) -> str | None:
    r"""What stands in the last ``\boxed{}`` of a text, braces within it included.

    Returns:
        The text; None where there is none, or it is not closed.
    """
    _, box, rest = text.rpartition(r"\boxed{")
    depth = 1
    for brace in _BRACES.finditer(rest if box else ""):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if not depth:
            return rest[: brace.start()]
    return None


def same_number(completion: str, answer: str) -> bool:
    """Whether a completion comes to the number of the answer.

    Raises:
        ValueError: The answer holds no number.
    """
    right = find_number(answer)
    if right is None:
        raise ValueError(f"the answer {answer!r} holds no number")
    return find_number(completion) == right
