"""Item 3: the leading dimension of devices dropped or misplaced."""

from collections.abc import Iterator

from ..mutants import Change, Source, operator
from .shapes import shapes

DEVICES = ("num_gpu", "n_gpu")


@operator(3, "num-gpu-dropped")
def dropped(source: Source) -> Iterator[Change]:
    """``"num_gpu batch_per_gpu seq_len"`` becomes ``"batch_per_gpu seq_len"``."""
    for shape, words in shapes(source):
        match words:
            case [first, *rest] if first in DEVICES:
                yield source.replaced(shape, f'"{" ".join(rest)}"')


@operator(3, "num-gpu-misplaced")
def misplaced(source: Source) -> Iterator[Change]:
    """``"num_gpu batch_per_gpu seq_len"`` becomes ``"batch_per_gpu num_gpu seq_len"``."""
    for shape, words in shapes(source):
        match words:
            case [first, second, *rest] if first in DEVICES:
                yield source.replaced(shape, f'"{" ".join([second, first, *rest])}"')
