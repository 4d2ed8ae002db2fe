"""Settings: where they are found, and what is refused."""

import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from jaxcheck.catalogue import rules
from jaxcheck.findings import Severity
from jaxcheck.running.checking import selected
from jaxcheck.running.configuration import ConfigurationError, configuration, schema, settings_from
from jaxcheck.settings import Settings

from .running import HOOKS, REUSED, codes, jaxcheck, project


def test_every_kind_of_value_is_read() -> None:
    table = tomllib.loads(
        """
        select = ["JX5", "legacy-prng-key"]
        per-file-ignores = { "tests/*" = ["JX501"] }
        severity = { JX5 = "warning", JX501 = "note" }
        mesh-axes = ["data", "model"]
        jaxtyping-satisfies-shapes = true
        baseline = "known.json"
        """
    )
    assert settings_from(table) == Settings(
        select=("JX5", "legacy-prng-key"),
        per_file_ignores={"tests/*": ("JX501",)},
        severity={"JX5": Severity.WARNING, "JX501": Severity.NOTE},
        mesh_axes=("data", "model"),
        jaxtyping_satisfies_shapes=True,
        baseline="known.json",
    )
    assert settings_from({}) == Settings()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('dimension = ["time"]', "no setting `dimension` (did you mean `dimensions`?)"),
        ('mesh_axes = ["x"]', "no setting `mesh_axes` (did you mean `mesh-axes`?)"),
        ("frobnicate = 1", "[tool.jaxcheck] has no setting `frobnicate`"),
        ('dimensions = "time"', "`dimensions` in [tool.jaxcheck] must be a list of strings"),
        ("dimensions = [1]", "must be a list of strings"),
        ("baseline = true", "`baseline` in [tool.jaxcheck] must be a string"),
        ("jaxtyping-satisfies-shapes = 1", "must be true or false"),
        ('per-file-ignores = { "a.py" = "JX5" }', "must be a table of lists"),
        ('severity = { JX5 = "loud" }', "severities are error, warning and note"),
        ('select = ["JX77"]', "select: there is no rule or profile `JX77`"),
        ('select = ["bug"]', "no rule or profile `bug` (did you mean `bugs`?); --list-rules"),
        ("select = []", "`select` in [tool.jaxcheck] is empty; name bugs or conventions, or rules"),
        (
            'ignore = ["key-resued"]',
            "ignore: there is no rule or profile `key-resued` (did you mean",
        ),
        ('severity = { JX77 = "note" }', "severity: there is no rule or profile `JX77`"),
        (
            'per-file-ignores = { "a.py" = ["JX77"] }',
            "per-file-ignores: there is no rule or profile",
        ),
    ],
)
def test_what_is_no_setting_is_refused(line: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        settings_from(tomllib.loads(line))
    assert said in str(raised.value)


def chosen(line: str) -> set[str]:
    """The codes of the rules that run under a line of settings, the linter's own left out."""
    return {rule.code for rule in selected(settings_from(tomllib.loads(line))) if rule.item}


ALL = {code for code, rule in rules().items() if rule.item}
BUGS = {code for code in ALL if rules()[code].profile == "bugs"}


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("", BUGS),
        ('select = ["bugs"]', BUGS),
        ('select = ["conventions"]', ALL),
        ('select = ["ALL"]', ALL),
        ('select = ["bugs", "JX801"]', BUGS | {"JX801"}),
        ('select = ["bugs", "linen"]', BUGS | {"JX1301"}),
        ('ignore = ["JX501"]', BUGS - {"JX501"}),
        ('select = ["conventions"]\nignore = ["bugs"]', ALL - BUGS),
        ('select = ["JX3"]\nignore = ["pmap", "JX303"]', {"JX301", "JX302"}),
        ('select = ["JX1106", "norm-of-one-device"]', set()),
    ],
)
def test_profiles_and_rules_are_selected_together(line: str, codes: set[str]) -> None:
    assert chosen(line) == codes


def test_the_core_holds_rules_that_find_mistakes() -> None:
    assert {rules()[code].item for code in BUGS} == {5, 6, 7, 13}
    habits = {"JX507", "JX511", "JX601", "JX709", "JX1301", "JX1302"}
    assert {code for code in ALL - BUGS if rules()[code].item in (5, 6, 7, 13)} == habits


def test_a_wrong_setting_ends_the_run(tmp_path: Path) -> None:
    project(tmp_path, reused=REUSED)
    (tmp_path / "pyproject.toml").write_text("[tool.jaxcheck]\nfrobnicate = 1\n")
    done = jaxcheck(cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no setting `frobnicate`" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [("[tool.jaxcheck\n", "cannot be read"), ("[tool]\njaxcheck = 1\n", "must be a table")],
)
def test_a_broken_file_is_told(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "pyproject.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        configuration([tmp_path])


def test_the_nearest_table_above_the_paths_counts(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner"
    (inner / "a").mkdir(parents=True)
    (inner / "b").mkdir()
    paths = [inner / "a", inner / "b"]
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert configuration(paths).root == tmp_path
    (tmp_path / "outer/pyproject.toml").write_text('[tool.jaxcheck]\nmesh-axes = ["outer"]\n')
    (inner / "pyproject.toml").write_text("[project]\n")
    found = configuration(paths)
    assert (found.root, found.settings.mesh_axes) == (tmp_path / "outer", ("outer",))
    (inner / "pyproject.toml").write_text('[tool.jaxcheck]\nmesh-axes = ["inner"]\n')
    assert configuration(paths).settings.mesh_axes == ("inner",)
    (inner / "a/pyproject.toml").write_text('[tool.jaxcheck]\nmesh-axes = ["a"]\n')
    assert configuration(paths).root == inner, "a is not above b"
    assert configuration([inner / "a"]).root == inner / "a"


def test_without_any_file_the_root_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = configuration([])
    assert (found.root, found.settings) == (tmp_path, Settings())


def test_another_file_gives_the_settings_and_not_the_root(tmp_path: Path) -> None:
    project(tmp_path / "p", reused=REUSED)
    shared = tmp_path / "shared.toml"
    shared.write_text('[tool.jaxcheck]\nselect = ["JX1302"]\n')
    assert codes("--config", shared, cwd=tmp_path / "p") == [("reused.py", 5, "JX1302")]
    shared.write_text("[tool.other]\n")
    done = jaxcheck("--config", shared, cwd=tmp_path / "p")
    assert done.returncode == 2
    assert "has no table [tool.jaxcheck]" in done.stderr


def test_exclusion_and_exceptions_for_files(tmp_path: Path) -> None:
    project(tmp_path, kept=REUSED, left=REUSED)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.jaxcheck]\nselect = ["JX501", "JX1302"]\nexclude = ["left.py"]\n'
        'per-file-ignores = { "k*.py" = ["legacy-prng-key"] }\n'
    )
    assert codes(cwd=tmp_path) == [("kept.py", 7, "JX501")]
    assert [path for path, _, _ in codes("left.py", cwd=tmp_path)] == ["left.py", "left.py"], (
        "a file that is named itself is checked"
    )


def test_the_narrowest_severity_counts(tmp_path: Path) -> None:
    project(tmp_path, reused=REUSED)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.jaxcheck]\nselect = ["JX501", "JX1302"]\n'
        'severity = { JX501 = "error", ALL = "note", JX5 = "warning" }\n'
    )
    told = jaxcheck(cwd=tmp_path)
    assert told.returncode == 1
    assert "JX1302[legacy-prng-key] (note)" in told.stdout
    assert "JX501[key-reused] `key`" in told.stdout


def test_the_readme_names_settings_that_exist() -> None:
    _, _, section = (HOOKS / "README.md").read_text().partition("\n## Settings\n")
    rows = re.findall(r"^\| (`.*?) \|", section.partition("\n## ")[0], re.MULTILINE)
    named = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    assert len(named) > 9
    assert named <= set(schema()["properties"])


def test_schema_describes_every_setting() -> None:
    described = schema()
    jsonschema.Draft7Validator.check_schema(described)
    for key, setting in described["properties"].items():
        assert "_" not in key
        assert len(setting["description"]) > 20, key
    good = {"mesh-axes": ["a"], "severity": {"JX5": "note"}, "jaxtyping-satisfies-shapes": True}
    jsonschema.validate(good, described)
    for bad in ({"mesh_axes": ["a"]}, {"severity": {"JX5": "loud"}}, {"paths": "src"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, described)
