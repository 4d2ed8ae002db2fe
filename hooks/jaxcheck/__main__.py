"""Runs jaxcheck: `python -m jaxcheck`, or `python FOLDER` with the folder that this file is in."""

import sys
from pathlib import Path

if not __package__:
    # Run as a folder: Python then looks into it first, where `trace` would hide a standard module.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from jaxcheck.command_line import main

if __name__ == "__main__":
    sys.exit(main())
