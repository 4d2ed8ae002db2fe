"""The project's tokenizer as Tunix calls it."""

from typing import Any

import numpy as np


class TunixTokenizer:
    """A tokenizer behind Tunix's interface: every encoded text begins with the start token.

    Args:
        tokenizer: What `VocabularySettings` builds.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """Token ids of a prompt; Tunix leaves out a start token whose id is 0, so it comes here."""
        return [self._tokenizer.start, *self._tokenizer.encode(text).tolist()]

    def decode(self, ids: list[int]) -> str:
        """The text of token ids, without specials."""
        return self._tokenizer.decode(np.asarray(ids, np.int32))

    def bos_id(self) -> int:
        """The token before a prompt."""
        return self._tokenizer.start

    def eos_id(self) -> int:
        """The token that ends a response."""
        return self._tokenizer.end

    def pad_id(self) -> int:
        """The token of padding."""
        return self._tokenizer.pad
