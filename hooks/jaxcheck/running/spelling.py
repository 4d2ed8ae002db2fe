"""Suggests what somebody may have meant."""

from collections.abc import Iterable

CLOSE = 0.82
"""So close that one digit of a code is not: any other code would be as likely a guess."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Returns ` (did you mean …?)` if something known is spelt much like a name, else nothing."""
    import difflib  # only where something is misspelt

    spelt = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), spelt, 1, CLOSE)
    return f" (did you mean `{spelt[close[0]]}`?)" if close else ""
