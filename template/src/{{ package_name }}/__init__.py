"""A JAX training project.

Importing the package installs jaxtyping's import hook with beartype over all of its modules, so
that every annotation, array shapes included, is checked: array functions when JAX traces them,
host functions at each call. ``JAXTYPING_DISABLE=1`` in the environment switches it off.
"""

from jaxtyping import install_import_hook

install_import_hook(__name__, "beartype.beartype")
