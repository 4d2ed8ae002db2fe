"""Lets `python -m copier_jax` be the command."""

import sys

from .command_line import main

sys.exit(main())
