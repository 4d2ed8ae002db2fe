"""What tests of kinds of files share: each kind is read or refused, and something is said of it."""

import pytest

from .project import errors, storage


def told_of(kind, prepared, folder):
    """What `prepared` says of a kind, or in one line why it refuses it: what the kind says.

    Args:
        kind: The kind; it has ``fails`` and ``says``.
        prepared: Makes a kind's files in a folder, gives them to a command, returns what that says.
        folder: An empty folder.
    """
    if kind.fails:
        with pytest.raises(errors.UserError) as caught:
            prepared(kind, folder)
        told = str(caught.value)
        assert "\n" not in told
    else:
        told = prepared(kind, folder)
    for words in kind.says:
        assert words in told
    return told


def records(folder):
    """The records of a data set, by their split."""
    data_set = storage.dataset.DataSet.open(folder)
    splits = {split: data_set.source(split) for split in storage.splitting.SPLITS}
    return {split: [source[at] for at in range(len(source))] for split, source in splits.items()}
