"""How long jaxcheck takes, beside ruff and pylint on the same files.

Run it with ``nox -s bench``. Each linter checks the rendered project and the installed ``flax``
package, in a process of its own, with nothing cached; the times include starting the interpreter.
The linters take turns and the best of several runs counts, because machines are shared and noisy,
so the ratios hold where the milliseconds do not. ruff and pylint run with their default rules.
jaxcheck also checks one long function, to show that its time grows with the length and no faster.

Usage: ``python linter_speed.py PACKAGE`` in the folder and environment of a rendered project.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3
BOUND = 40.0  # milliseconds per thousand lines
PROJECT_BOUND = 1.0  # seconds for a rendered project
LENGTHS = (2_000, 20_000)
LONG_BOUND = 60.0  # milliseconds per thousand lines of one function
HOOKS = Path(__file__).resolve().parents[1] / "hooks"


def main(package: str) -> int:
    """Print milliseconds per thousand lines and ratios; 1 if jaxcheck is above a bound."""
    located = importlib.util.find_spec("flax")
    if located is None or not Path("src", package).is_dir():
        raise SystemExit("run this inside a rendered project's folder and environment")
    subjects = {
        "the project": [Path("src"), Path("tests")],
        "flax": [Path(place) for place in located.submodule_search_locations or []],
    }
    slow = False
    for name, folders in subjects.items():
        files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
        lines = sum(file.read_bytes().count(b"\n") for file in files)
        best = race(commands(), files)
        print(f"{name}: {len(files)} files, {lines} lines; jaxcheck takes {best['jaxcheck']:.2f} s")
        for linter, seconds in best.items():
            per_thousand = 1e6 * seconds / lines
            ratio = seconds / best["jaxcheck"]
            print(f"  {linter:9}{per_thousand:9.1f} ms per thousand lines{ratio:9.2f} x jaxcheck")
        if name == "the project":  # small: starting the interpreter is a good part of it
            slow |= best["jaxcheck"] > PROJECT_BOUND
        else:
            slow |= 1e6 * best["jaxcheck"] / lines > BOUND
    return int(slow | long_functions())


def long_functions() -> bool:
    """Print how long jaxcheck takes for functions of thousands of lines; whether it is too long."""
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        for lines in LENGTHS:
            file = Path(folder, f"long{lines}.py")
            steps = (
                f"    key, k{at} = jax.random.split(key)\n"
                f"    x = x + jax.random.normal(k{at}, x.shape)\n"
                for at in range(lines // 2)
            )
            head = "import jax\n\n\n@jax.jit\ndef noisy(x, key):\n"
            file.write_text(f"{head}{''.join(steps)}    return x\n")
            seconds = race({"jaxcheck": commands()["jaxcheck"]}, [file])["jaxcheck"]
            print(f"a function of {lines} lines: {1e6 * seconds / lines:.1f} ms per thousand lines")
            slow |= 1e6 * seconds / lines > LONG_BOUND
    return slow


def commands() -> dict[str, list[str]]:
    """The command of each linter that is installed, without the files."""
    found = {"jaxcheck": [sys.executable, "-m", "jaxcheck", "--select", "conventions"]}
    if ruff := shutil.which("ruff"):
        found["ruff"] = [ruff, "check", "--isolated", "--no-cache", "--quiet"]
    if importlib.util.find_spec("pylint"):
        found["pylint"] = [sys.executable, "-m", "pylint", "--rcfile=", "--jobs=1", "--score=n"]
    return found


def race(linters: dict[str, list[str]], files: list[Path]) -> dict[str, float]:
    """Seconds of the best run of each linter; they take turns."""
    best = dict.fromkeys(linters, float("inf"))
    environment = {**os.environ, "PYTHONPATH": str(HOOKS)}
    # An installed linter has its bytecode; compiling all of it anew each time is no part of this.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for _ in range(ROUNDS):
        for linter, command in linters.items():
            if linter == "pylint" and best[linter] < float("inf"):
                continue  # one run of it takes longer than all the others
            started = time.perf_counter()
            done = subprocess.run(
                [*command, *map(str, files)], env=environment, capture_output=True, check=False
            )
            best[linter] = min(best[linter], time.perf_counter() - started)
            if linter == "jaxcheck" and done.returncode not in (0, 1):
                raise SystemExit(done.stderr.decode() or f"jaxcheck exits {done.returncode}")
    return best


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
