"""Random access to windows of a token stream that is stored in chunks."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int32, Integer


@runtime_checkable
class Chunks(Protocol):
    """Records of tokens that can be read in any order."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, index: int, /) -> bytes:
        """Read one."""
        ...


class Windows:
    """A stream of tokens as overlapping windows of ``seq_len + 1`` tokens.

    Window ``i`` is ``tokens[i * seq_len : (i + 1) * seq_len + 1]``: the last token of a window is
    the first of the next, so that each token but the very first is a target exactly once. The
    last window is filled with ``pad``. Only the chunks that a window touches are read.
    """

    def __init__(
        self,
        chunks: Chunks,
        *,
        chunk_tokens: int,
        tokens: int,
        dtype: str,
        seq_len: int,
        pad: int,
    ) -> None:
        """Wrap stored chunks.

        Args:
            chunks: Records of ``chunk_tokens`` tokens each; the last may be shorter.
            chunk_tokens: Tokens in a chunk.
            tokens: Tokens in all chunks together.
            dtype: NumPy's name of the stored type, byte order included.
            seq_len: Targets in a window.
            pad: Id that fills the last window.
        """
        self._chunks = chunks
        self._chunk_tokens = chunk_tokens
        self._tokens = tokens
        self._dtype = np.dtype(dtype)
        self._seq_len = seq_len
        self._pad = pad

    def __len__(self) -> int:
        """How many windows hold at least one target."""
        return max(0, -(-(self._tokens - 1) // self._seq_len))

    def read(self, indices: Integer[np.ndarray, " batch"]) -> Int32[np.ndarray, "batch window"]:
        """Read windows: a whole batch in one call, since annotated calls are checked one by one.

        Args:
            indices: Numbers of windows from 0; -1 gives a window of nothing but ``pad``.
        """
        windows = np.full((len(indices), self._seq_len + 1), self._pad, np.int32)
        for row, index in enumerate(indices.tolist()):
            if index == -1:
                continue
            start = index * self._seq_len
            stop = min(start + self._seq_len + 1, self._tokens)
            first = start // self._chunk_tokens
            last = (stop - 1) // self._chunk_tokens
            data = b"".join([self._chunks[chunk] for chunk in range(first, last + 1)])
            offset = start - first * self._chunk_tokens
            tokens = np.frombuffer(data, self._dtype)[offset : offset + stop - start]
            windows[row, : stop - start] = tokens
        return windows
