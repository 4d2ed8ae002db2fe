"""Tokens as the records of a data set hold them: in as few bytes as the vocabulary allows."""

from typing import Final

import numpy as np
from jaxtyping import Integer

from .byte_tokenizer import DOCUMENT, TOKENIZER
from .tokenizer import Tokenizer

_DOCUMENT_BYTE: Final = 0xFF  # UTF-8 has no such byte, so it stands for the token that is none


def stored_dtype(tokenizer: Tokenizer) -> str:
    """The type of a tokenizer's tokens in records, as NumPy spells it."""
    if tokenizer is TOKENIZER:
        return "|u1"
    return "<u2" if tokenizer.vocab_size <= 2**16 else "<u4"


def to_stored(
    tokens: Integer[np.ndarray, " seq_len"], dtype: str
) -> Integer[np.ndarray, " seq_len"]:
    """Tokens of a text as they are stored."""
    if dtype != "|u1":
        return tokens.astype(dtype)
    stored = tokens.astype(dtype)
    stored[tokens == DOCUMENT] = _DOCUMENT_BYTE
    return stored


def from_stored(data: bytes, dtype: str) -> Integer[np.ndarray, " seq_len"]:
    """The tokens in a record, or in consecutive ones."""
    stored = np.frombuffer(data, dtype)
    if dtype != "|u1":
        return stored
    return np.where(stored == _DOCUMENT_BYTE, np.int32(DOCUMENT), stored)
