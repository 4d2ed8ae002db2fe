"""The options of commands that let a model write."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..generation import Sampling


def add_sampling_options(parser: argparse.ArgumentParser, *, max_tokens: int) -> None:
    """Add the options that say how tokens are picked.

    Args:
        parser: Where to add them.
        max_tokens: How many are made at most, where none says so.
    """
    parser.add_argument(
        "--max-tokens", type=int, default=max_tokens, metavar="N", help="at most so many"
    )
    parser.add_argument(
        "--temperature", type=float, default=0.8, metavar="T", help="0 takes the likeliest token"
    )
    parser.add_argument("--top-k", type=int, default=0, metavar="K", help="0 considers all tokens")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the samples")


def sampling_of(arguments: argparse.Namespace) -> "Sampling":
    """What the options say.

    Raises:
        UserError: An option has an impossible value.
    """
    import fiddle as fdl

    from .. import configuration
    from ..generation import Sampling

    names = ("max_tokens", "temperature", "top_k")
    chosen = {name: getattr(arguments, name) for name in names}
    return configuration.build(fdl.Config(Sampling, **chosen))
