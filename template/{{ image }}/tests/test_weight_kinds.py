"""Files of weights as people have them are imported as what they are, or refused in one line."""

import argparse
import contextlib
import io

import pytest

from . import weight_kinds
from .kinds import told_of
from .project import commands

KINDS = {kind.name: kind for kind in weight_kinds.KINDS}


def prepared(kind, folder):
    """What `import` says of a kind, in an empty folder."""
    kind.write(folder)
    parser = argparse.ArgumentParser()
    commands.import_.add_arguments(parser)
    words = ["--source", str(folder / kind.file), "--output", str(folder / "run"), *kind.words]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        commands.import_.run(parser.parse_args(words))
    return said.getvalue()


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_imported_or_refused(name, tmp_path):
    kind = KINDS[name]
    told_of(kind, prepared, tmp_path)
    assert (tmp_path / "run" / "config.json").exists() is not kind.fails
    assert (tmp_path / "run").exists() is not kind.fails
