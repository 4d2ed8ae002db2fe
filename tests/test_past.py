"""Projects of the past stay as they are where there are new questions, or were others."""

import copy
import functools
import shutil
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from .support import contract, history, releases, rendering
from .support.rendering import SETTINGS, git

RELEASES = releases.releases()
ALWAYS = {"project_name", "package_name", "task"}
"""Questions that every release has asked."""


@functools.cache
def settings_of(release: releases.Release) -> dict[str, Any]:
    """What `copier.yml` of a release says."""
    return yaml.safe_load(git(rendering.ROOT, "show", f"{release.commit}:copier.yml"))


def test_a_project_that_was_never_asked_stays_as_it_is(tmp_path: Path) -> None:
    """The past is the template of today with the defaults built in instead of asked for."""
    folder = rendering.export(tmp_path / "copier-jax")
    for code in [*folder.glob("template/**/src"), *folder.glob("template/tests")]:
        shutil.rmtree(code)
    today = (folder / "copier.yml").read_text()
    past = yaml.safe_load(today)
    later = contract.questions(past).keys() - ALWAYS
    for name in later:
        kept = past[name].keys() - {"ask", "validator"}
        past[name] = {key: past[name][key] for key in kept} | {"when": False}
    git(folder, "init", "--quiet")
    (folder / "copier.yml").write_text(yaml.safe_dump(past, sort_keys=False))
    history.commit(folder, "v1.0.0")
    (folder / "copier.yml").write_text(today)
    history.commit(folder, "v2.0.0")

    project = tmp_path / "project"
    copier.run_copy(str(folder), project, vcs_ref="v1.0.0", defaults=True, quiet=True)
    assert later.isdisjoint(rendering.recorded(project))
    git(project, "init", "--quiet")
    history.commit(project)
    before = rendering.contents(project)
    copier.run_update(project, defaults=True, overwrite=True, quiet=True)
    after = rendering.contents(project)
    assert later - {"architecture"} <= rendering.recorded(project).keys()
    assert {path for path in after if after[path] != before.get(path)} == {".copier-answers.yml"}
    assert after.keys() == before.keys()


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.tag)
def test_what_a_release_asked_is_still_asked(release: releases.Release) -> None:
    newest = RELEASES[-1].version
    if release.version.major == newest.major:
        assert contract.withdrawn(settings_of(release), SETTINGS) == []
    assert contract.required(settings_of(release), SETTINGS) == []


def test_what_is_withdrawn_is_noticed() -> None:
    past: dict[str, Any] = copy.deepcopy(SETTINGS)
    past["cluster"] = {"type": "str", "default": "none"}
    past["ci"]["choices"]["Something else"] = "other"
    past["launchers"]["choices"] = [*rendering.choices("launchers"), "gone"]
    past["licence"] = {"type": "str", "default": "MIT"}
    assert contract.withdrawn(past, SETTINGS) == [
        "question cluster",
        "choice other of ci",
        "choice gone of launchers",
    ]
    assert contract.withdrawn(SETTINGS, past) == []
    del past["cluster"]["default"]
    assert contract.required(SETTINGS, past) == ["cluster"]
