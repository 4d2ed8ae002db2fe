"""The splits of a data set, which follow each other in time."""

from collections.abc import Mapping
from typing import Any

SPLITS = ("train", "validation", "test")


def split_lines(info: Mapping[str, Any], noun: str) -> list[str]:
    """Tell how a data set was divided, in a line for the proportions and one for each split.

    Args:
        info: ``by``, what decided; ``percent`` and ``counts`` by split.
        noun: What is counted, such as ``steps``.
    """
    percent = "/".join(map(str, info["percent"].values()))
    lines = [f"  split {percent} by {info['by']}"]
    return lines + [f"  {split:<10} {count:>11,} {noun}" for split, count in info["counts"].items()]
