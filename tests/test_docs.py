"""What the documents name is there: files, sections, commands, questions, experiments."""

import ast
import re
from pathlib import Path

import pytest

from .support import rendering

ROOT = rendering.ROOT
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("hooks/*.md")])
README = (ROOT / "README.md").read_text()


def anchors(document: Path) -> set[str]:
    """The names under which a document's headings can be linked."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_resolve(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            target = document.parent / name if name else document
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_figure_is_missing(document: Path) -> None:
    assert "TODO" not in document.read_text()


def test_sessions_exist() -> None:
    sessions = {
        node.name
        for node in ast.parse((ROOT / "noxfile.py").read_text()).body
        if isinstance(node, ast.FunctionDef) and node.decorator_list
    }
    named = [
        session
        for document in DOCUMENTS
        for sessions_named in re.findall(r"nox -s((?: [a-z]+)+)", document.read_text())
        for session in sessions_named.split()
    ]
    assert "demo" in named
    assert set(named) <= sessions


def test_integration_runs_the_test_command_of_the_readme() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2, "one to render and train, one to test"
    assert commands[1] in (ROOT / ".ci" / "run").read_text().splitlines()
    assert "- run: .ci/run\n" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_readme_lists_the_questions() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", README, re.MULTILINE))
    asked = {
        name
        for name, details in rendering.QUESTIONS.items()
        if details.get("when") is not False and details.get("ask") is not False
    }
    assert set(rows) == asked
    for question, row in rows.items():
        if "choices" in rendering.QUESTIONS[question]:
            answers = row.split("|")[0]
            assert re.findall(r"`([^`]+)`", answers) == rendering.choices(question)


def test_actions_are_pinned() -> None:
    of_projects = ROOT / "template" / "{{ github }}"
    workflows = [file for top in (ROOT, of_projects) for file in top.glob(".github/workflows/*")]
    assert len(workflows) > 3
    for workflow in workflows:
        used = re.findall(r"uses: (.*)", workflow.read_text())
        assert used
        for action in used:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


@pytest.mark.parametrize("task", rendering.choices("task"))
def test_readme_of_a_project_names_what_is_there(template: Path, tmp_path: Path, task: str) -> None:
    project = rendering.render(template, tmp_path / "p", package_name="documented", task=task)
    package = project / "src" / "documented"
    readme = (project / "README.md").read_text()
    for path in re.findall(r"^\| `(src/[^`]+)`", readme, re.MULTILINE):
        assert (project / path).exists(), path
    commands = set(re.findall(r"uv run documented (\w+)", readme))
    assert {"train", "prepare", "evaluate", "predict", "export", "config"} <= commands
    assert commands <= {path.stem.rstrip("_") for path in (package / "commands").glob("[a-z]*.py")}
    experiments = ast.parse((package / "experiments.py").read_text()).body
    functions = {node.name for node in experiments if isinstance(node, ast.FunctionDef)}
    assert set(re.findall(r"config:(\w+)\b(?!\.)", readme)) <= functions
    tests = re.findall(r"`(test_\w+\.py)::(\w+)`", readme)
    assert len(tests) > 10
    for file, function in tests:
        assert f"def {function}(" in (project / "tests" / file).read_text(), f"{file}::{function}"


@pytest.mark.parametrize(
    ("heading", "task", "kinds"),
    [("Tables", "tabular", "table_kinds"), ("Images", "image", "image_kinds")],
)
def test_files_lists_every_kind(heading: str, task: str, kinds: str) -> None:
    path = ROOT / "template" / f"{{{{ {task} }}}}" / "tests" / f"{kinds}.py"
    tree = ast.parse(path.read_text())
    named = [
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Kind"
    ]
    assert len(named) > 50
    text = (ROOT / "docs" / "files.md").read_text()
    _, _, section = text.partition(f"## {heading}\n")
    section, _, _ = section.partition("\n## ")
    assert re.findall(r"^\| (.+?) \| (?:read|refused)", section, re.MULTILINE) == named


def test_conventions_name_what_is_there(template: Path, tmp_path: Path) -> None:
    projects = [
        rendering.render(template, tmp_path / task, package_name="documented", task=task)
        for task in ("language", "post-training")
    ]
    named = re.findall(
        r"`([\w/]+\.py|[a-z]+/)(?:::(\w+))?`", (ROOT / "docs/conventions.md").read_text()
    )
    assert len(named) > 40
    for path, function in named:
        tests = Path(path).name.startswith(("test_", "conftest"))
        found = [project / ("tests" if tests else "src/documented") / path for project in projects]
        found = [file for file in found if file.exists()]
        assert found, path
        assert not function or any(f"def {function}(" in file.read_text() for file in found), (
            f"{path}::{function}"
        )
