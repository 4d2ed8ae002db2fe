"""The parts of JAX that have no public name: all of them, and nothing else, stand here."""

from collections.abc import Iterator
from typing import Any

import jax

from ..running.configuration import ConfigurationError

try:
    from jax._src import source_info_util as _source
    from jax.experimental.key_reuse import _core as _key_reuse

    _check = _key_reuse.check_key_reuse_jaxpr
    _frames = _source.user_frames
    _error = None
except (ImportError, AttributeError) as error:
    _error = error


def verify() -> None:
    """Checks that everything private is where it is expected.

    Raises:
        ConfigurationError: It is not; the message says what to do.
    """
    if _error is not None:
        raise ConfigurationError(
            f"the trace tier does not know jax {jax.__version__} ({_error}); it needs "
            "jax.experimental.key_reuse and the source positions of equations. Run it with a "
            "version of jax that it is tested with, or update jaxcheck"
        )


def check_keys(jaxpr: Any) -> None:
    """Checks that no key is consumed twice in a jaxpr.

    Raises:
        jax.errors.KeyReuseError: One is; the error's cause carries the traceback of the reuse.
    """
    _check(jaxpr)


def frames(equation: Any) -> Iterator[tuple[str, int, int, int, int]]:
    """Yields where an equation was traced, from the inside out, without JAX's own files.

    Each place is a file, its first line and column, its last line and column. Lines count from
    1, columns from 0 in bytes.
    """
    for frame in _frames(equation.source_info.traceback):
        yield (
            frame.file_name,
            frame.start_line,
            frame.start_column,
            frame.end_line,
            frame.end_column,
        )
