"""What a tokenizer is, and how a data set or a run tells which one it has."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int32, Integer

Ids = Int32[np.ndarray, " seq_len"]


@runtime_checkable
class Tokenizer(Protocol):
    """Text to token ids and back.

    Attributes:
        name: For people.
        digest: SHA-256 of the file and of `start`, `end` and `pad`: the same only for the same
            tokenizer. Empty for bytes.
        files: What it is read from, by the names that copies get; none for bytes.
        vocab_size: Ids that it has, special ones included; a model may have more.
        start: The id before each text; that of `end` where there is none of its own.
        end: The id after each text.
        pad: The id that fills the rest; neither `start` nor `end`.
        reserved: Ids that no text of a model may hold: `pad` and unused ones, but not `end`.
        sizes: Bytes of UTF-8 that each id stands for, also where these are only a part of a
            character; 0 for special ids.
        added: Bytes that `sizes` count too many at the beginning of a text, where the tokenizer
            puts a space before it.
    """

    name: str
    digest: str
    files: Mapping[str, Path]
    vocab_size: int
    start: int
    end: int
    pad: int
    reserved: tuple[int, ...]
    sizes: Int32[np.ndarray, " vocab_size"]
    added: int

    def encode(self, text: str) -> Ids:
        """Encode text, without `start` and `end`."""
        ...

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """Encode several texts, on all cores where that is faster."""
        ...

    def decode(self, ids: Integer[np.ndarray, " seq_len"]) -> str:
        """Decode ids; special ones, and those that the vocabulary lacks, are dropped."""
        ...


def describe(tokenizer: Tokenizer) -> dict[str, Any]:
    """What a data set or a run says of its tokenizer, in JSON's types."""
    return {
        "tokenizer": tokenizer.name,
        "tokenizer_digest": tokenizer.digest,
        "vocab_size": tokenizer.vocab_size,
    }


def same(tokenizer: Tokenizer, info: Mapping[str, Any]) -> bool:
    """Whether `info` describes this tokenizer; where it says nothing, it means bytes."""
    return tokenizer.digest == info.get("tokenizer_digest", "")
