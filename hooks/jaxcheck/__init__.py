"""The convention linter for JAX projects: `python -m jaxcheck PATH…`.

Standard library only, so that it runs anywhere at once. The trace tier (`jaxcheck trace`) is the
exception: it imports the project that it checks, and with it JAX.
"""

__version__ = "0.10.0"
