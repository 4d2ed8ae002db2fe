"""Comments that suppress findings: what they cover, and what is wrong with them."""

from pathlib import Path
from textwrap import dedent

import pytest

from jaxcheck.catalogue import rules

from .examples import PAGES, Example, examples
from .running import codes, findings, project

USE = "jax.random.normal(key, (3,))"


def found(folder: Path, text: str, *arguments: str) -> list[tuple[int, str]]:
    """Checks one file, in which `USE` consumes a key, and returns lines and codes."""
    source = "import jax\n" + dedent(text).replace("USE", USE)
    project(folder, code=source)
    return [(line, code) for _, line, code in codes(*arguments, cwd=folder)]


@pytest.mark.parametrize(
    "text",
    [
        """
        def f(key):
            a = USE
            return a + USE  # jaxcheck: ignore[JX501] the same noise twice
        """,
        """
        def f(key):
            a = USE
            return a + USE  # jaxcheck: ignore[key-reused]: the same noise twice
        """,
        """
        def f(key):
            a = USE
            # jaxcheck: ignore[JX501] the same noise twice
            return a + USE
        """,
        """
        def f(key):
            a = USE
            # jaxcheck: ignore[JX501] the same noise twice, which
            # is what this baseline does
            return a + USE
        """,
        """
        def f(key):
            a = USE
            return (  # jaxcheck: ignore[JX501] the same noise twice
                a
                + USE
            )
        """,
        """
        def f(key):
            a = USE
            return (
                a
                + USE
            )  # jaxcheck: ignore[JX501] the same noise twice
        """,
        """
        def f(key):  # jaxcheck: ignore[JX501] the same noise twice
            a = USE
            if a.any():
                a = a + USE
            return a
        """,
        """
        # jaxcheck: ignore[JX501] the same noise twice
        @jax.jit
        def f(key):
            a = USE
            return a + USE
        """,
        """
        @jax.jit  # jaxcheck: ignore[JX501] the same noise twice
        def f(
            key,
        ):
            a = USE
            return a + USE
        """,
        """
        class Model:  # jaxcheck: ignore[JX501] the same noise twice
            def f(self, key):
                a = USE
                return a + USE
        """,
        """
        def f(key):
            a = USE
            return a + USE

        # jaxcheck: ignore-file[JX501] the same noise twice
        """,
        """
        def f(key):
            a = USE
            return a + USE  # type: ignore # jaxcheck: ignore[JX501] the same noise # noqa: E501
        """,
    ],
)
def test_what_a_comment_covers(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text) == []


def test_what_a_comment_does_not_cover(tmp_path: Path) -> None:
    text = """
    def f(key):
        a = USE
        b = USE  # jaxcheck: ignore[JX501] only here
        return a + b + USE

    def g(key):
        # jaxcheck: ignore[JX501] a gap follows, so this is about nothing

        a = USE
        return a + USE
    """
    assert found(tmp_path, text, "--select", "JX501") == [(6, "JX501"), (12, "JX501")]


def test_text_that_looks_like_a_comment_is_none(tmp_path: Path) -> None:
    text = '''
    def f(key):
        """Says # jaxcheck: ignore[JX501] in a docstring.

        # jaxcheck: ignore-file[JX501] the same
        """
        a = USE
        return a + USE, "# jaxcheck: ignore[JX501] in a string"
    '''
    assert found(tmp_path, text) == [(9, "JX501")]


def test_without_a_reason_nothing_is_suppressed(tmp_path: Path) -> None:
    text = """
    def f(key):
        a = USE
        return a + USE  # jaxcheck: ignore[JX501]
    """
    assert found(tmp_path, text) == [(5, "JX501"), (5, "JX001")]


@pytest.mark.parametrize(
    "said",
    ["ignore[JX5O1] why", "ignore why", "ignore[] why", "disable=JX501", "ignore[JX003] why"],
)
def test_what_names_no_rule_is_told(tmp_path: Path, said: str) -> None:
    assert found(tmp_path, f"x = 1  # jaxcheck: {said}\n") == [(2, "JX002")]


def test_what_suppresses_nothing_is_told(tmp_path: Path) -> None:
    text = "x = 1  # jaxcheck: ignore[JX1302] old code\n"
    assert found(tmp_path, text) == [(2, "JX003")]
    assert found(tmp_path, text, "--select", "JX0,JX5") == [], "JX1302 has not run"
    assert found(tmp_path, text, "--ignore", "JX003") == []
    (tmp_path / "pyproject.toml").write_text(
        '[tool.jaxcheck]\nper-file-ignores = { "code.py" = ["JX003"] }\n'
    )
    assert [code for _, _, code in codes(cwd=tmp_path) if code == "JX003"] == []


def test_of_a_rule_that_the_trace_tier_finds_too_it_is_doubted(tmp_path: Path) -> None:
    project(tmp_path, code="import jax\nx = 1  # jaxcheck: ignore[JX501] proved by tracing\n")
    [finding] = findings(cwd=tmp_path)
    assert (finding["code"], finding["confidence"]) == ("JX003", "heuristic")
    assert not finding["fails"]


def test_one_comment_for_several_rules(tmp_path: Path) -> None:
    text = """
    def f(seed):
        key = jax.random.PRNGKey(seed)  # jaxcheck: ignore[JX1302, JX501] read by old programs
        return USE
    """
    [(line, code)] = found(tmp_path, text)
    assert (line, code) == (4, "JX003")


OWN = [example for example in examples(PAGES) if example.scope.startswith("JX0")]


@pytest.mark.parametrize("example", OWN, ids=lambda example: example.id)
def test_pages_of_the_linters_own_rules(example: Example, tmp_path: Path) -> None:
    """Their examples are judged after suppression, with all rules on."""
    for name, text in example.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    seen = {
        (path, line, code)
        for path, line, code in codes("--select", "ALL", cwd=tmp_path)
        if code == example.scope
    }
    assert seen == example.expected


def test_rules_of_former_releases_may_be_named(tmp_path: Path) -> None:
    project(tmp_path, old="import jax  # jaxcheck: ignore[JX303, mesh-unused] was needed once\n")
    assert codes(cwd=tmp_path) == []


def test_pages_of_suppressions_show_bad_and_good_code() -> None:
    for code in ("JX001", "JX002", "JX003"):
        mine = [example.positive for example in OWN if example.scope == code]
        assert set(mine) == {True, False}, f"{code} {rules()[code].name}"
