"""Small pieces of JAX projects that keep every convention."""

from jaxtyping import install_import_hook

install_import_hook(__name__, "beartype.beartype")
