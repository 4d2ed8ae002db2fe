"""Text to token ids and back: one token per byte of UTF-8, so there is nothing to download."""

import numpy as np
from jaxtyping import Int32, Integer

BYTES = 256
DOCUMENT = 256  # starts each document, and is what the model predicts where a document ends
PAD = 257  # fills what lies beyond the end of a split; its weight is 0


class ByteTokenizer:
    """Ids 0 to 255 are bytes, then follow the specials; ids from 258 on are reserved.

    Attributes:
        name: What a data set records, so that it is not read with another tokenizer.
        vocab_size: Divisible by eight, so that the vocabulary can be sharded over as many devices.
    """

    name = "bytes"
    vocab_size = 264

    def encode(self, text: str) -> Int32[np.ndarray, " seq_len"]:
        """Encode text, without specials.

        Raises:
            UnicodeEncodeError: The text holds half of a surrogate pair, which is no character.
        """
        return np.frombuffer(text.encode(), np.uint8).astype(np.int32)

    def decode(self, ids: Integer[np.ndarray, " seq_len"]) -> str:
        """Decode ids; specials are dropped, bytes that are no UTF-8 become U+FFFD."""
        return ids[ids < BYTES].astype(np.uint8).tobytes().decode(errors="replace")


TOKENIZER = ByteTokenizer()
