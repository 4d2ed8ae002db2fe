"""Writes the examples of the trace tier as one package, a subpackage for each."""

from pathlib import Path

from .examples import PAGES, Example, examples

FOLDER = Path(__file__).parent / "trace"
CASES = [e for e in (*examples(PAGES), *examples(FOLDER)) if "trace" in e.options]


def subpackage(example: Example) -> str:
    """Returns the name of an example's subpackage."""
    return f"{example.source.stem}_{example.line}".lower()


def write_package(folder: Path) -> None:
    """Writes all examples as the package `cases`."""
    package = folder / "cases"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", "utf-8")
    for example in CASES:
        inside = package / subpackage(example)
        inside.mkdir()
        (inside / "__init__.py").write_text("", "utf-8")
        for name, text in example.files.items():
            (inside / name).write_text(text, "utf-8")
