"""A project is compared with its own release and the newest one, file by file."""

import json
import re
from pathlib import Path

import pytest
import yaml

from copier_jax import pristine, quick, seams
from copier_jax.command_line import main
from copier_jax.comparison import Status
from copier_jax.conformance import FAULTS

from .support import history, rendering, sample, small
from .support.rendering import git


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.template(tmp_path_factory.mktemp("template") / "copier-jax")


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return small.start(template, tmp_path / "project")


def told(project: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict:
    """What the command says as JSON."""
    main(["conformance", str(project), "--json", *options])
    return json.loads(capsys.readouterr().out)


def test_each_file_has_a_status(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "name").unlink()
    small.write(project, stays="edited\n", merged=sample.LINES.replace("1", "one"), own="mine\n")
    small.write(project, model="mine\n", left="mine\n")
    history.commit(project)
    found = told(project, capsys)
    assert found["files"] == {
        ".copier-answers.yml": "same",
        "comes": "behind",
        "goes": "behind",
        "left": "edited",
        "merged": "edited and behind",
        "model": "yours",
        "name": "missing",
        "own": "yours",
        "settings": "behind",
        "stays": "edited",
        "tools/jaxcheck.pyz": "same",
    }
    assert found["counts"]["edited"] == 2
    assert found["drift"] == 4
    assert found["conventions"]["kept"] == 0
    assert found["conventions"]["failing"] == 3


def test_the_lag_in_releases_and_days(
    template: Path, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(project, capsys)
    assert (found["release"], found["newest"]) == ("v1.0.0", "v2.0.0")
    assert (found["releases_behind"], found["days_behind"]) == (2, 10)
    newest = told(small.start(template, tmp_path / "new", "v2.0.0"), capsys)
    assert (newest["releases_behind"], newest["days_behind"], newest["drift"]) == (0, 0, 0)
    assert set(newest["files"].values()) == {"same", "yours"}


def test_a_file_brought_early_is_not_behind(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small.write(project, merged=sample.LINES.replace("5", "five"), comes="mine\n")
    history.commit(project)
    files = told(project, capsys)["files"]
    assert (files["merged"], files["comes"]) == ("edited", "yours")


def test_modes_and_links_count(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "stays").chmod(0o755)
    (project / "merged").unlink()
    (project / "merged").symlink_to("stays")
    assert told(project, capsys)["files"]["stays"] == "edited"
    main(["conformance", str(project), "--diff"])
    shown = capsys.readouterr().out
    assert "stays: executable\n" in shown
    assert "+link to stays\n" in shown


def test_the_exit_status(
    template: Path, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(folder: Path, *on: str) -> list[int]:
        found = [main(["conformance", str(folder), "--fail-on", each]) for each in on]
        assert "Traceback" not in capsys.readouterr().err
        return found

    every = ("any", "drift", "behind", "findings", "nothing")
    assert fails(project, *every) == [1, 0, 1, 1, 0]
    new = small.start(template, tmp_path / "new", "v2.0.0")
    assert fails(new, *every) == [1, 0, 0, 1, 0]
    small.write(new, stays="edited\n")
    assert fails(new, *every) == [1, 1, 0, 1, 0]
    assert main(["conformance", str(tmp_path)]) == 2


def test_lines_below_the_seams_are_no_drift(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = sample.SEAMED.replace("line\n", "line\nmine\n\n")
    small.write(project, settings=own)
    assert told(project, capsys)["files"]["settings"] == "behind"
    small.write(project, settings=own.replace("[b]", "[mine]\n[b]").replace("x", "edited"))
    assert told(project, capsys)["files"]["settings"] == "edited and behind"
    main(["conformance", str(project), "--diff"])
    shown = capsys.readouterr().out
    assert "-x\n+edited\n" in shown
    assert "+mine" not in shown
    small.write(project, merged=sample.LINES.replace("8", "8\n# below this line\nmine"))
    assert told(project, capsys)["files"]["merged"] == "edited and behind", "it has no seam"


ABOVE, MARK, BELOW = b"a\n", b"# yours below this line\n", b"\n[b]\n"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (ABOVE + MARK + BELOW + MARK, True),
        (ABOVE + MARK + b"mine\n" + BELOW + MARK + b"more\n", True),
        (ABOVE + MARK + BELOW + b"mine\n" + BELOW + MARK, True),
        (ABOVE + MARK + MARK + BELOW + MARK, True),
        (ABOVE + MARK + BELOW, False),
        (ABOVE + b"mine\n" + MARK + BELOW + MARK, False),
        (b"mine\n" + ABOVE + MARK + BELOW + MARK, False),
        (ABOVE + MARK + BELOW + b"mine\n" + MARK, False),
        (MARK + BELOW + MARK, False),
        (b"", False),
    ],
)
def test_what_is_below_a_seam(text: bytes, same: bool) -> None:
    assert seams.only_below(ABOVE + MARK + BELOW + MARK, text) is same


def test_no_code_of_the_project_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small.write(project, **{"tools/jaxcheck.pyz": "import pathlib; pathlib.Path('ran').touch()\n"})
    found = told(project, capsys)
    assert found["conventions"]["failing"] == 3
    assert found["files"]["tools/jaxcheck.pyz"] == "edited"
    assert not (project / "ran").exists()


BROKEN = {
    "no project": (None, "run this in the folder of a project"),
    "damaged": ("[:", "is damaged"),
    "no mapping": ("- 1", "records no release of the template"),
    "no template": ("_src_path: /nowhere\n_commit: v1.0.0", "say where to in _src_path"),
    "no release": ("_src_path: {template}\n_commit: v1.5.0", "has no release v1.5.0"),
    "bad answer": (
        "_src_path: {template}\n_commit: v1.0.0\nemail: nope",
        "Validation error for question 'email': Give an address.",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_compared_is_told_in_a_line(
    template: Path, project: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    recorded, reason = BROKEN[case]
    answers = {".copier-answers.yml": recorded and recorded.format(template=template)}
    small.write(project, **answers)
    assert main(["conformance", str(project)]) == 2
    assert reason in capsys.readouterr().err


def test_without_git(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / ".git").rename(project.parent / "git")
    assert main(["conformance", str(project)]) == 2
    assert "not a git repository" in capsys.readouterr().err


def test_a_project_of_this_template_conforms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file of a pristine render is the same or the user's; so it stays with own lines."""
    source = tmp_path / "copier-jax"
    for path in rendering.working_files():
        if path.parts[0] in ("copier.yml", "ownership.yml", "includes", "template"):
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes((rendering.ROOT / path).read_bytes())
            (source / path).chmod((rendering.ROOT / path).stat().st_mode)
    git(source, "init", "--quiet")
    history.commit(source, "v1.0.0")
    project = small.start(source, tmp_path / "project", task="tabular")
    for name in ("pyproject.toml", ".gitignore", ".pre-commit-config.yaml"):
        text = (project / name).read_text().splitlines(keepends=True)
        own = [line + "# mine\n" if "below this line" in line else line for line in text]
        assert own != text
        (project / name).write_text("".join(own))
    small.write(project, **{"README.md": "# mine\n", "src/lab/model.py": "x = 1\n"})
    assert main(["conformance", str(project)]) == 0, capsys.readouterr().out
    assert "0 findings" in capsys.readouterr().out


def test_quick_renders_keep_templates_apart(tmp_path: Path) -> None:
    text = "{{ name }} [[ name ]]\n"
    settings: dict[str, dict] = {
        "plain": {"name": "x"},
        "brackets": {
            "name": "x",
            "_envops": {"variable_start_string": "[[", "variable_end_string": "]]"},
        },
    }
    with quick.renders():
        for kind, stated in settings.items():
            source = tmp_path / kind
            small.write(source, **{"copier.yml": yaml.safe_dump(stated), "file.jinja": text})
            pristine.render(source, {}, tmp_path / f"{kind}-project")
    rendered = [(tmp_path / f"{kind}-project" / "file").read_text() for kind in settings]
    assert rendered == ["x [[ name ]]\n", "{{ name }} x\n"]


# --- answers, checked before anything is rendered ---


def check(file: Path, template: Path, **answers: object) -> int:
    file.write_text(yaml.safe_dump(answers))
    return main(["answers", str(file), str(template)])


def test_answers_are_checked(
    template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "organisation.yml"
    assert check(file, template, project_name="Lab", email="a@b") == 0
    assert capsys.readouterr().out == ""
    wrong = {"project_nam": "Lab", "email": "nope", "task": "walking", "computed": "x"}
    assert check(file, template, **wrong) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "project_nam: the template has no such question; did you mean project_name?" in lines
    assert "computed: the template has no such question" in lines
    assert any("'email': Give an address." in line for line in lines)
    assert any("'task': 'walking' is not in ['language', 'image']" in line for line in lines)
    assert len(lines) == 4


@pytest.mark.parametrize("text", ["", "- a\n", "[:", "1: a\n"])
def test_a_file_without_answers(
    template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "organisation.yml"
    file.write_text(text)
    assert main(["answers", str(file), str(template)]) == 2
    assert str(file) in capsys.readouterr().err


def test_the_guide_names_every_status_and_choice() -> None:
    guide = (rendering.ROOT / "docs" / "organisation.md").read_text()
    rows = re.findall(r"^\| `([a-z ]+)` \|", guide, re.MULTILINE)
    assert rows[: len(Status)] == [str(status) for status in Status]
    assert all(f"`--fail-on {choice}`" in guide for choice in (*FAULTS, "nothing"))
