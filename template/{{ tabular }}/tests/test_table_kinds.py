"""Tables as people have them are read as what they mean, or refused in one line."""

import argparse

import pytest

from . import table_kinds
from .project import data, errors, sources, storage

KINDS = {kind.name: kind for kind in table_kinds.KINDS}


def prepared(kind, folder):
    """What `prepare` says of a kind, in an empty folder."""
    kind.write(folder)
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    words = ["--source", str(folder / "*"), "--target", kind.target, *kind.words]
    source = sources.from_arguments(parser.parse_args(words))
    settings = data.TableData(directory=str(folder / "data"))
    return settings.prepare(source, overwrite=False, progress=False)


def records(folder):
    """All splits as they are stored."""
    data_set = storage.dataset.DataSet.open(folder / "data")
    return {
        split: [data_set.source(split)[at] for at in range(len(data_set.source(split)))]
        for split in storage.splitting.SPLITS
    }


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """The data set of the clean table."""
    folder = tmp_path_factory.mktemp("clean")
    prepared(table_kinds.KINDS[0], folder)
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_read_or_refused(name, clean, tmp_path):
    kind = KINDS[name]
    if kind.fails:
        with pytest.raises(errors.UserError) as caught:
            prepared(kind, tmp_path)
        told = str(caught.value)
        assert "\n" not in told
    else:
        told = prepared(kind, tmp_path)
    for words in kind.says:
        assert words in told
    if kind.same and not kind.fails:
        assert records(tmp_path) == records(clean)
