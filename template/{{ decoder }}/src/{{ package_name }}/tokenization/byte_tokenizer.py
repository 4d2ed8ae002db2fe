"""One token per byte of UTF-8, so that there is nothing to download and nothing to train."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from jaxtyping import Integer

from .tokenizer import Ids

BYTES: Final = 256
DOCUMENT: Final = 256  # starts each document, and is what the model predicts where one ends
PAD: Final = 257  # fills what lies beyond the end of a text; its weight is 0


class ByteTokenizer:
    """Ids 0 to 255 are bytes, then follow the specials; ids from 258 on are reserved."""

    name = "bytes"
    digest = ""
    files: Mapping[str, Path] = MappingProxyType({})
    vocab_size = 264
    start = end = DOCUMENT
    pad = PAD
    reserved = tuple(range(DOCUMENT + 1, vocab_size))
    sizes = (np.arange(vocab_size) < BYTES).astype(np.int32)
    added = 0

    def encode(self, text: str) -> Ids:
        """Encode text, without specials.

        Raises:
            UnicodeEncodeError: The text holds half of a surrogate pair, which is no character.
        """
        return np.frombuffer(text.encode(), np.uint8).astype(np.int32)

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """Encode several texts."""
        return [np.frombuffer(text.encode(), np.uint8).astype(np.int32) for text in texts]

    def decode(self, ids: Integer[np.ndarray, " seq_len"]) -> str:
        """Decode ids; specials are dropped, bytes that are no UTF-8 become U+FFFD."""
        return ids[ids < BYTES].astype(np.uint8).tobytes().decode(errors="replace")


TOKENIZER: Final = ByteTokenizer()
