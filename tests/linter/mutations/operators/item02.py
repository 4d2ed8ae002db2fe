"""Item 2: dimensions renamed, and put in another order."""

import ast
from collections.abc import Iterator
from itertools import pairwise

from ..mutants import Change, Source, operator
from .shapes import shapes

SYNONYMS = {
    "batch": "bs",
    "seq_len": "T",
    "d_model": "hidden_dim",
    "vocab_size": "V",
    "num_heads": "n_heads",
    "channels": "C",
    "height": "rows",
}


def _respelt(source: Source, shape: ast.Constant, words: list[str]) -> Change:
    return source.replaced(shape, f'"{" ".join(words)}"')


@operator(2, "dimension-renamed")
def renamed(source: Source) -> Iterator[Change]:
    """``"batch seq_len"`` becomes ``"bs seq_len"``: a habit of other projects."""
    for shape, words in shapes(source):
        for at, word in enumerate(words):
            if word in SYNONYMS:
                yield _respelt(source, shape, [*words[:at], SYNONYMS[word], *words[at + 1 :]])


@operator(2, "dimension-misspelt")
def misspelt(source: Source) -> Iterator[Change]:
    """``"batch seq_len"`` becomes ``"batch seq_lne"``."""
    for shape, words in shapes(source):
        for at, word in enumerate(words):
            if word.isidentifier() and len(word) > 3 and word[-1] != word[-2]:
                wrong = word[:-2] + word[-1] + word[-2]
                yield _respelt(source, shape, [*words[:at], wrong, *words[at + 1 :]])


@operator(2, "batch-not-first")
def batch_second(source: Source) -> Iterator[Change]:
    """``"batch seq_len d_model"`` becomes ``"seq_len batch d_model"``."""
    for shape, words in shapes(source):
        match words:
            case ["batch" | "b" as batch, second, *rest] if second.isidentifier():
                yield _respelt(source, shape, [second, batch, *rest])


@operator(2, "channels-first")
def channels_first(source: Source) -> Iterator[Change]:
    """``"batch height width channels"`` becomes ``"batch channels height width"``."""
    for shape, words in shapes(source):
        match words:
            case [*before, "height" | "h" as height, width, "channels" | "c" as channels]:
                yield _respelt(source, shape, [*before, channels, height, width])


@operator(2, "width-before-height")
def width_first(source: Source) -> Iterator[Change]:
    """``"batch height width channels"`` becomes ``"batch width height channels"``."""
    for shape, words in shapes(source):
        for at, pair in enumerate(pairwise(words)):
            if pair in (("height", "width"), ("h", "w")):
                yield _respelt(source, shape, [*words[:at], *pair[::-1], *words[at + 2 :]])


@operator(2, "nhwc-to-nchw")
def layout(source: Source) -> Iterator[Change]:
    """``"NHWC"`` becomes ``"NCHW"``."""
    for node in source.module.nodes(ast.Constant):
        if node.value == "NHWC":
            yield source.replaced(node, '"NCHW"')
