"""Runs examples under JAX, in one process of its own: `python executing.py < examples.json`.

Reads `{id: {file: text}}` and writes `{id: [what was raised]}`: the names of the exception's class
and of its bases, the class first, then its message; nothing where the example ran through.
"""

import contextlib
import json
import os
import runpy
import sys
import tempfile
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"
# The examples compute little and compile much.
os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=1"

import jax


def run(files: dict[str, str], folder: Path) -> list[str]:
    """Runs the files of an example one after the other; they can import each other."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    loaded = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        with jax.debug_key_reuse(True), contextlib.redirect_stdout(sys.stderr):
            for name in files:
                runpy.run_path(str(folder / name), run_name="__main__")
    except Exception as error:
        return [*(kind.__name__ for kind in type(error).__mro__), str(error)]
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - loaded:  # the next example may have files of these names
            if str(folder) in (getattr(sys.modules[name], "__file__", None) or ""):
                del sys.modules[name]
    return []


def main() -> None:
    """Runs every example of the standard input."""
    examples: dict[str, dict[str, str]] = json.load(sys.stdin)
    outcomes = {}
    for name, files in examples.items():
        with tempfile.TemporaryDirectory() as folder:
            outcomes[name] = run(files, Path(folder))
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
