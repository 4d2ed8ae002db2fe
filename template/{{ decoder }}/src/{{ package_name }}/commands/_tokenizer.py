"""The tokenizer of a run, also in projects whose modules are older than tokenizers of their own."""

from typing import Any

from ..tokenizer import DOCUMENT, PAD, TOKENIZER


def tokenizer_of(data: Any) -> Any:
    """The tokenizer of an experiment's data; bytes where they do not say."""
    return getattr(data, "tokenizer", TOKENIZER)


def special_ids(tokenizer: Any) -> tuple[int, int, int]:
    """The ids that start, end and fill texts."""
    usual = (("start", DOCUMENT), ("end", DOCUMENT), ("pad", PAD))
    start, end, pad = (getattr(tokenizer, name, default) for name, default in usual)
    return start, end, pad
