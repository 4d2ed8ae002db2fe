"""Configuration: experiments composed by Fiddle, changed from the command line, checked, saved.

This is the only place of the project that knows how Fiddle is driven; `experiments.py` builds its
configurations with ``fdl.Config`` and nothing else.
"""

from .building import build
from .catalogue import catalogue, catalogue_text
from .directives import compose
from .saving import check_resume, differences, dump_json, flatten, load_file, load_json

__all__ = [
    "build",
    "catalogue",
    "catalogue_text",
    "check_resume",
    "compose",
    "differences",
    "dump_json",
    "flatten",
    "load_file",
    "load_json",
]
