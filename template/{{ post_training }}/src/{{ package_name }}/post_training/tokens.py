"""The project's tokenizer as Tunix calls it."""

from typing import Any

import numpy as np
from jaxtyping import Int32

Prompt = Int32[np.ndarray, " prompt_len"]


class TunixTokenizer:
    """A tokenizer behind Tunix's interface, for prompts that are tokens already.

    Args:
        tokenizer: The data's tokenizer.
        end: The token that ends a response.
    """

    def __init__(self, tokenizer: Any, end: int) -> None:
        self._tokenizer, self._end = tokenizer, end

    def encode(self, prompt: Prompt) -> list[int]:
        """The tokens of a prompt, without padding; it is a row of a batch."""
        return prompt[prompt != self._tokenizer.pad].tolist()

    def decode(self, ids: list[int]) -> str:
        """The text of token ids, without specials."""
        return self._tokenizer.decode(np.asarray(ids, np.int32))

    def bos_id(self) -> None:
        """What Tunix puts before a prompt: nothing, it begins as it should."""

    def eos_id(self) -> int:
        """The token that ends a response."""
        return self._end

    def pad_id(self) -> int:
        """The token of padding."""
        return self._tokenizer.pad
