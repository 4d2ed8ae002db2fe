"""Every example of a rule page or of the corpus is found, or left alone, as it says."""

from collections import Counter
from pathlib import Path

import pytest

from jaxcheck.catalogue import rules
from jaxcheck.running.checking import check_paths
from jaxcheck.running.configuration import settings_from

from .examples import CORPUS, PAGES, Example, examples

# What the linter says about itself comes after the rules; see test_suppression.py.
ALL = [
    e
    for e in (*examples(PAGES), *examples(CORPUS))
    if "trace" not in e.options and not e.scope.startswith("JX0")
]
LEAST = {5: (40, 40), 7: (40, 40)}


def found_in(example: Example, folder: Path) -> set[tuple[str, int, str]]:
    """Checks an example and returns file, line and code of the findings that it is judged by."""
    for name, text in example.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    settings = settings_from({**example.settings, "select": [example.scope]})
    _, findings = check_paths([folder], folder, settings)
    return {(f.place.path, f.place.line, f.code) for f in findings}


@pytest.mark.parametrize("example", [e for e in ALL if "todo" not in e.options], ids=lambda e: e.id)
def test_findings_are_those_marked(example: Example, tmp_path: Path) -> None:
    assert found_in(example, tmp_path) == example.expected


@pytest.mark.parametrize("example", [e for e in ALL if "todo" in e.options], ids=lambda e: e.id)
def test_a_known_gap_is_still_one(example: Example, tmp_path: Path) -> None:
    found = found_in(example, tmp_path)
    assert found != example.expected, "this gap is closed: take `todo` off its fence"


@pytest.mark.parametrize("item", range(1, 14))
def test_each_item_has_enough_examples(item: int) -> None:
    mine = [e for e in ALL if e.scope[: -2 if e.source.parent == PAGES else None] == f"JX{item}"]
    counts = Counter(e.positive for e in mine if "todo" not in e.options)
    positive, negative = LEAST.get(item, (12, 12))
    assert counts[True] >= positive
    assert counts[False] >= negative


@pytest.mark.parametrize("code", rules())
def test_each_rule_has_a_page_with_bad_and_good_code(code: str) -> None:
    page = PAGES / f"{code}.md"
    assert page.exists(), f"write {page}"
    text = page.read_text("utf-8")
    assert text.startswith(f"# {code} {rules()[code].name}\n")
    for heading in ("What it does", "Why is this bad?", "Example", "What is not flagged"):
        assert f"\n## {heading}\n" in text
    for heading in ("Known limits", "How to suppress"):
        assert f"\n## {heading}\n" in text
    if rules()[code].check is not None:
        mine = [e for e in ALL if e.source == page]
        assert any(e.positive for e in mine)
        assert any(not e.positive for e in mine)
