"""Runs the trace tier by itself: `python -m jaxcheck.trace PACKAGE`."""

import sys

from .command import main

sys.exit(main(sys.argv[1:]))
