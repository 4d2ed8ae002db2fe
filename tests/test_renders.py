"""A project of each row of answers is whole, formatted, portable, and what the answers say."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .support import hygiene, rendering

TEMPLATE = rendering.ROOT / "template"


def test_files_are_clean_and_portable(project: Path) -> None:
    files = rendering.contents(project)
    hygiene.check(files)
    always = {path.name.removesuffix(".jinja") for path in TEMPLATE.glob("*.jinja")}
    assert always & hygiene.TEMPLATED <= {Path(name).name for name in files}


def test_formatter_and_linter_have_nothing_to_say(project: Path) -> None:
    hygiene.check_formatted(project)


def test_answers_reproduce_the_project(project: Path, template: Path, tmp_path: Path) -> None:
    recorded = rendering.recorded(project)
    assert set(recorded) == {
        name for name in rendering.QUESTIONS if rendering.asked(name, recorded)
    }
    again = rendering.render(template, tmp_path / "again", **recorded)
    assert rendering.contents(again) == rendering.contents(project)
    rendering.render(template, again, **recorded)  # over itself
    assert rendering.contents(again) == rendering.contents(project)


def test_licence_follows_the_answers(project: Path) -> None:
    answers = rendering.answers_of(project)
    licence = (project / "LICENSE").read_text()
    opening = {
        "Apache-2.0": "Apache License",
        "MIT": "MIT License",
        "BSD-3-Clause": "BSD 3-Clause License",
        "proprietary": f"Copyright (c) {answers['created_year']} {answers['user_name']}",
    }
    assert licence.lstrip().startswith(opening[answers["licence"]])


def test_files_follow_the_answers(project: Path) -> None:
    answers = rendering.answers_of(project)
    chosen = {answers["task"], answers["tracker"], answers["ci"], *answers["launchers"]}
    package = project / "src" / answers["package_name"]
    shows = {
        package / "tokenizer.py": {"language", "post-training"},
        package / "post_training" / "chat.py": {"post-training"},
        package / "images.py": {"image"},
        package / "encoding.py": {"tabular"},
        package / "frequency.py": {"forecasting"},
        project / ".github" / "workflows" / "ci.yml": {"github"},
        project / ".gitlab-ci.yml": {"gitlab"},
        project / "launch" / "local.sh": {"local"},
        project / "launch" / "slurm.sbatch": {"slurm"},
        project / "launch" / "jobset.yaml": {"jobset"},
        project / "launch" / "skypilot.yaml": {"skypilot"},
    }
    for path, choices in shows.items():
        assert path.exists() == bool(chosen & choices), path
    assert (project / "renovate.json").exists() == (answers["ci"] != "none")
    tracker = (package / "reporting" / "tracker.py").read_text()
    imported = set(re.findall(r"(?:from|import) (tensorboard|wandb)", tracker))
    assert imported == chosen & {"tensorboard", "wandb"}


def test_each_overlay_has_its_answer(project: Path) -> None:
    """What an overlay holds is there just when the answers that it is for were given."""
    answers = rendering.recorded(project)
    package = answers["package_name"]
    present, absent = set(), set()
    for overlay in TEMPLATE.glob("{{ [a-z]* }}"):
        condition = rendering.QUESTIONS[overlay.name.strip("{} ")]["default"]
        expected = present if rendering.evaluate(condition, answers) == "." else absent
        expected |= {
            path.relative_to(overlay)
            .as_posix()
            .removesuffix(".jinja")
            .replace("{{ package_name }}", package)
            for path in overlay.rglob("*")
            if path.is_file() and not {"__pycache__", ".ruff_cache"} & set(path.parts)
        }
    files = set(rendering.contents(project))
    assert present
    assert present <= files
    assert not (absent - present) & files


@settings(max_examples=25)
@given(
    text=st.text(
        st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=60
    )
)
def test_any_text_is_refused_or_comes_out_right(
    template: Path, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    project = tmp_path_factory.mktemp("text") / "p"
    try:
        rendering.render(template, project, description=text)
    except ValueError:
        assert not project.exists()
        return
    stated = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    assert stated["description"] == text
    assert rendering.answers_of(project)["description"] == text


def test_few_python_files_are_templated() -> None:
    assert len(list(TEMPLATE.rglob("*.py.jinja"))) <= 3


def test_settings_need_no_trust() -> None:
    unsafe = {"_tasks", "_jinja_extensions", "_migrations"}
    assert not unsafe & set(rendering.SETTINGS)


def test_settings_are_known_to_copier() -> None:
    """Copier ignores a misspelt setting without a word."""
    known = {
        *("_subdirectory", "_min_copier_version", "_envops", "_exclude", "_skip_if_exists"),
        "_external_data",
        *("_message_before_copy", "_message_after_copy"),
        *("_message_before_update", "_message_after_update"),
    }
    assert {name for name in rendering.SETTINGS if name.startswith("_")} == known
