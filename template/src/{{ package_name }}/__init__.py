"""A JAX training project.

Importing the package installs jaxtyping's import hook with beartype over all of its modules, so
that every annotation, array shapes included, is checked: array functions when JAX traces them,
host functions at each call. ``JAXTYPING_DISABLE=1`` in the environment switches it off.
"""

import warnings

from beartype.roar import BeartypeDecorHintPep585DeprecationWarning
from jaxtyping import install_import_hook

# Libraries' type aliases, which we annotate with, still use typing's old spellings.
warnings.filterwarnings("ignore", category=BeartypeDecorHintPep585DeprecationWarning)

install_import_hook(__name__, "beartype.beartype")
