"""The byte tokenizer as others read it: the same ids, and the same text back."""

import numpy as np
import pytest
import tokenizers

from .project import pretrained, tokenization, tokenizer

TEXTS = ("", "def f(x):\n\treturn x + 1\n", "  naïve — 日本 🦊  ", "\x00\x7f\x80\xff", "lamp>")


@pytest.fixture
def written(tmp_path):
    pretrained.byte_tokenizer.write_byte_tokenizer(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", TEXTS)
def test_ids_and_texts_are_the_same(written, text):
    other = tokenizers.Tokenizer.from_file(str(written / "tokenizer.json"))
    ids = tokenizer.TOKENIZER.encode(text).tolist()
    assert other.encode(text, add_special_tokens=False).ids == ids
    assert other.encode(text).ids == [tokenizer.DOCUMENT, *ids]
    assert other.decode(ids) == text
    assert other.decode([tokenizer.DOCUMENT, *ids, tokenizer.PAD]) == text


def test_the_project_reads_it(written):
    read, own = tokenization.keeping.read_tokenizer(written), tokenizer.TOKENIZER
    assert (read.end, read.pad) == (own.end, own.pad)
    np.testing.assert_array_equal(read.encode(TEXTS[2]), own.encode(TEXTS[2]))
