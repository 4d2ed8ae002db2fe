"""Runs jaxcheck: `python -m jaxcheck`. The same file starts `python jaxcheck.pyz`."""

import sys

from jaxcheck.command_line import main

if __name__ == "__main__":
    sys.exit(main())
