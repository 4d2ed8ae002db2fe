"""Suggests what somebody may have meant."""

from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """Returns ` (did you mean …?)` if something known is spelt much like a name, else nothing."""
    import difflib  # only where something is misspelt

    spelt = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), spelt, 1)
    return f" (did you mean `{spelt[close[0]]}`?)" if close else ""
