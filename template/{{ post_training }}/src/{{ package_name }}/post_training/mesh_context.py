"""The mesh as Tunix looks for it."""

import contextlib
import warnings
from collections.abc import Iterator

from jax.sharding import Mesh


@contextlib.contextmanager
def tunix_mesh(mesh: Mesh) -> Iterator[None]:
    """Make a mesh the one that Tunix finds.

    Tunix 0.1 reads it from the context that ``with mesh:`` sets, which JAX has deprecated. Under
    `jax.set_mesh` alone it would find none, and leave each batch on one device without a word.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="tunix")
        warnings.filterwarnings("ignore", ".*with mesh", category=DeprecationWarning)
        with mesh:  # jaxcheck: ignore[JX903] where Tunix looks
            yield
