"""Every combination of answers renders into a clean project: whole, formatted, portable."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from .support import rendering

TEMPLATE = rendering.ROOT / "template"
COMBINATIONS = rendering.combinations()
RESERVED_ON_WINDOWS = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
HOSTILE = [
    r"C:\new\table \u0041 \\",
    "# not a comment {{ 7 * 7 }} {% raw %} {# gone #} ${{ x }}",
    "Größe 研究室 🧪👩‍🔬 é",
    "مختبر التعلم",  # read from right to left
    "it's: [a] {b} & *c !d %e @f | > - ? , ~ <b>",
    "null",
    "0x1F",
]


@pytest.fixture(scope="module", params=COMBINATIONS, ids=lambda answers: "-".join(answers.values()))
def project(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return rendering.render(template, tmp_path_factory.mktemp("project") / "p", **request.param)


def test_files_can_be_read(project: Path) -> None:
    readers = {
        ".py": ast.parse,
        ".toml": tomllib.loads,
        ".yml": yaml.safe_load,
        ".yaml": yaml.safe_load,
        ".json": json.loads,
    }
    read = 0
    for name, content in rendering.contents(project).items():
        text = content.decode()
        assert "\r" not in text, name
        assert not text or text.endswith("\n"), name
        if reader := readers.get(Path(name).suffix):
            reader(text)
            read += 1
    assert read > 20


def test_nothing_of_the_template_is_left(project: Path) -> None:
    templated = {path.name.removesuffix(".jinja") for path in TEMPLATE.rglob("*.jinja")}
    templated = templated - {"{{ _copier_conf.answers_file }}"} | {".copier-answers.yml"}
    names = set()
    for name, content in rendering.contents(project).items():
        assert not re.search(r"[{}]|\.jinja$", name)
        if Path(name).name in templated:
            names.add(Path(name).name)
            assert not re.search(r"\{\{|\{%|\{#", content.decode()), name
            assert "\n\n\n\n" not in content.decode(), name
    assert names == templated


def test_formatter_and_linter_have_nothing_to_say(project: Path) -> None:
    for check in (["check"], ["format", "--check"]):
        tool = [sys.executable, "-m", "ruff", *check, "--no-cache", "."]
        result = subprocess.run(tool, cwd=project, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout


def test_every_file_system_can_hold_it(project: Path) -> None:
    names = list(rendering.contents(project))
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert len(name) < 120
        for part in name.split("/"):
            assert not re.search(r'[<>:"\\|?*\x00-\x1f]|[ .]$', part), name
            assert not RESERVED_ON_WINDOWS.match(part), name


def test_answers_reproduce_the_project(project: Path, template: Path, tmp_path: Path) -> None:
    answers = rendering.answers_of(project)
    recorded = {name: value for name, value in answers.items() if not name.startswith("_")}
    asked = {
        name for name, details in rendering.QUESTIONS.items() if details.get("when") is not False
    }
    assert set(recorded) == asked
    again = rendering.render(template, tmp_path / "again", **recorded)
    assert rendering.contents(again) == rendering.contents(project)
    rendering.render(template, again, **recorded)  # over itself
    assert rendering.contents(again) == rendering.contents(project)


def test_licence_and_workflow_follow_the_answers(project: Path) -> None:
    answers = rendering.answers_of(project)
    licence = (project / "LICENSE").read_text()
    opening = {
        "Apache-2.0": "Apache License",
        "MIT": "MIT License",
        "BSD-3-Clause": "BSD 3-Clause License",
        "proprietary": f"Copyright (c) {answers['created_year']} {answers['user_name']}",
    }
    assert licence.lstrip().startswith(opening[answers["licence"]])
    assert (project / ".github" / "workflows" / "ci.yml").exists() == (answers["ci"] == "github")


def test_jax_and_flax_move_in_pairs(project: Path) -> None:
    stated = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    floor = rendering.answers_of(project)["python_floor"]
    assert stated["requires-python"] == f">={floor}"
    pairs = [need.split(">=")[0] for need in stated["dependencies"] if re.match("jax>|flax>", need)]
    assert pairs == ["jax", "flax"] * (2 if floor == "3.11" else 1)
    assert all("<" in need for need in stated["dependencies"]), "a dependency has no upper bound"


def test_imports_are_declared(project: Path) -> None:
    stated = tomllib.loads((project / "pyproject.toml").read_text())
    needs = [*stated["project"]["dependencies"], *stated["dependency-groups"]["dev"]]
    declared = {re.split(r"[\[<>=;]", need)[0].replace("-", "_") for need in needs}
    declared = declared - {"absl_py", "orbax_checkpoint"} | {"absl", "orbax"}
    imported = set()
    for path in [*(project / "src").rglob("*.py"), *(project / "tests").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(str(node.module).partition(".")[0])
    own = rendering.answers_of(project)["package_name"]
    foreign = {name.lower() for name in imported - sys.stdlib_module_names - {own}}
    assert "jax" in foreign
    assert foreign <= declared


def test_package_names_cannot_be_a_dependency(project: Path) -> None:
    stated = tomllib.loads((project / "pyproject.toml").read_text())
    reserved = (rendering.ROOT / "includes" / "reserved.jinja").read_text()
    groups = [stated["project"]["dependencies"], stated["dependency-groups"]["dev"]]
    for need in [*groups[0], *groups[1], *stated["build-system"]["requires"]]:
        name = re.split(r"[\[<>=;]", need)[0].replace("-", "_")
        assert f"'{name}'" in reserved


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_out_right(template: Path, tmp_path: Path, text: str) -> None:
    name = text.replace("'", "")
    given = {"project_name": name, "description": text, "user_name": text, "licence": "MIT"}
    project = rendering.render(template, tmp_path / "p", **given, package_name="plain")
    stated = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    assert stated["description"] == text
    assert stated["authors"] == [{"name": text}]
    readme = (project / "README.md").read_text().splitlines()
    assert readme[:3] == [f"# {name}", "", text]
    assert (project / "LICENSE").read_text().splitlines()[2].endswith(text)
    assert given.items() <= rendering.answers_of(project).items()


@settings(max_examples=25, deadline=None)
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
        *("_message_before_copy", "_message_after_copy"),
        *("_message_before_update", "_message_after_update"),
    }
    assert {name for name in rendering.SETTINGS if name.startswith("_")} == known
