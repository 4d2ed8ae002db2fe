"""Tokens, windows of tokens, and the examples made of them."""

import numpy as np
import pytest

from .project import data, windows
from .project import tokenizer as tokens

DOCUMENT, PAD = tokens.DOCUMENT, tokens.PAD


@pytest.mark.parametrize("seq_len", [1, 7, 64, 4095, 4096, 4097, 9000])
def test_windows_reassemble_the_stream_exactly(seq_len):
    ids = np.random.default_rng(0).integers(0, 256, 10_000).astype("<u2")
    chunks = [ids[start : start + 4096].tobytes() for start in range(0, len(ids), 4096)]
    view = windows.Windows(
        chunks, chunk_tokens=4096, tokens=len(ids), dtype="<u2", seq_len=seq_len, pad=PAD
    )
    read = view.read(np.arange(len(view)))
    targets = read[:, 1:].reshape(-1)
    assert np.array_equal(targets[targets != PAD], ids[1:])
    inputs = read[:, :-1].reshape(-1)
    assert np.array_equal(inputs[: len(ids) - 1], ids[:-1])
    assert np.array_equal(view.read(np.array([-1])), np.full((1, seq_len + 1), PAD))


def test_examples_at_the_boundaries_of_documents():
    window = np.array(
        [[65, 66, DOCUMENT, 67, 68, DOCUMENT, 69, PAD, PAD], [DOCUMENT, *range(70, 78)]], np.int32
    )
    batch = data.make_batch(window)
    assert batch["tokens"].tolist() == window[:, :-1].tolist()
    assert batch["targets"].tolist() == window[:, 1:].tolist()
    assert batch["segments"].tolist() == [[1, 1, 2, 2, 2, 3, 3, 0], [1] * 8]
    assert batch["positions"].tolist() == [[0, 1, 0, 1, 2, 0, 1, 0], list(range(8))]
    assert batch["weights"].tolist() == [[1, 1, 1, 1, 1, 1, 0, 0], [1] * 8]


def test_tokenizer_round_trip():
    text = "naïve λ\r\n\x00 😀"
    ids = tokens.TOKENIZER.encode(text)
    assert tokens.TOKENIZER.decode(ids) == text
    assert tokens.TOKENIZER.decode(np.concatenate([[DOCUMENT], ids, [PAD]])) == text
    assert tokens.TOKENIZER.decode(np.array([0x61, 0xFF])) == "a\ufffd"
    assert max(DOCUMENT, PAD) < tokens.TOKENIZER.vocab_size
