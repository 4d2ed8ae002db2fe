"""A release says what users have to do, and its version is as large a step as what it breaks."""

import itertools
import re

import pytest
from packaging.version import Version

from .support import contract, releases, releasing

RELEASES = releases.releases()
STEPS = list(itertools.pairwise(RELEASES))
NOTES = releasing.UPGRADING.read_text()


def test_every_version_has_notes_for_upgrading() -> None:
    headings = re.findall(r"^## (.*)$", NOTES, re.MULTILINE)
    assert headings == ["Unreleased", *(str(release.version) for release in reversed(RELEASES))]
    for section in re.split(r"^## .*$", NOTES, flags=re.MULTILINE)[1:]:
        assert section.strip()


@pytest.mark.parametrize(("last", "release"), STEPS, ids=[f"{step[1].tag}" for step in STEPS])
def test_no_release_was_too_small_a_step(last: releases.Release, release: releases.Release) -> None:
    assert releasing.too_small(last, release.version, release.commit) == []


def test_what_a_patch_would_break_is_named() -> None:
    old, new = (next(r for r in RELEASES if r.tag == tag) for tag in ("v0.2.0", "v0.3.0"))
    assert releasing.too_small(old, Version("0.2.1"), new.commit) == ["protocol DataSettings"]
    assert releasing.too_small(old, Version("0.3.0"), new.commit) == []
    assert releasing.too_small(new, Version("0.4.0"), old.commit) == []
    backwards = releasing.too_small(new, Version("0.3.1"), old.commit)
    assert {"question tracker", "choice image of task", "choice gitlab of ci"} <= set(backwards)
    assert "path .gitlab-ci.yml" in backwards


def test_later_only_a_major_version_may_break() -> None:
    old = releases.Release(Version("1.4.0"), RELEASES[1].commit)
    new = RELEASES[2].commit
    assert releasing.too_small(old, Version("1.5.0"), new) == contract.broken(old.commit, new)
    assert releasing.too_small(old, Version("2.0.0"), new) == []


def test_what_was_unreleased_is_promoted() -> None:
    version = Version("99.0.0")
    promoted = releasing.promote(NOTES, version)
    unreleased, released = NOTES.partition("## Unreleased\n")[2].split("## ", 1)
    assert f"## Unreleased\n\nNothing to do.\n\n## {version}\n{unreleased}## {released}" in promoted
    assert releasing.promote(promoted, version) == promoted
