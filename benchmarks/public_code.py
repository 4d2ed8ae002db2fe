"""What jaxcheck says about public JAX code: crashes, findings per rule, and how long it takes.

For every repository it prints the commit, its size, the findings of the linter itself (a file that
does not parse, a rule that failed), and for each rule its findings outside tests, as a count and
per thousand lines. Rules that ask for this project's conventions (annotations, the mesh, the names
of dimensions) find a lot in code that never adopted them; the figures to watch are those of rules
that find mistakes: keys used twice, control flow on traced values. ``docs/jaxcheck-measured.md``
keeps the figures of fixed commits.

Usage: ``python benchmarks/public_code.py [--show SELECTOR] CLONE...``: each a folder with a clone;
``--show JX5`` lists what the rules of item 5 find outside tests, to be read and judged.
"""

import argparse
import gc
import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hooks"))

from jaxcheck.catalogue import matching, rules
from jaxcheck.findings import Finding
from jaxcheck.running.checking import check_paths
from jaxcheck.settings import Settings


@dataclass(frozen=True)
class Measured:
    """One repository.

    Attributes:
        broken: Findings of the linter itself.
        findings: All others outside tests.
        seconds: Processor time of reading, parsing and checking everything, tests included.
    """

    name: str
    commit: str
    files: int
    lines: int
    lines_outside_tests: int
    broken: list[Finding]
    findings: list[Finding]
    seconds: float


def measure(folder: Path) -> Measured:
    """Check one repository with all rules."""
    started = time.process_time()
    gc.disable()  # as the command line does
    project, findings = check_paths([folder], folder, Settings(select=("conventions",)))
    seconds = time.process_time() - started
    modules = project.modules.values()
    tests = {module.relative for module in modules if module.is_test}
    lines = {module.relative: module.source.count("\n") for module in modules}
    return Measured(
        name=folder.name,
        commit=commit(folder),
        files=len(lines),
        lines=sum(lines.values()),
        lines_outside_tests=sum(n for name, n in lines.items() if name not in tests),
        broken=[finding for finding in findings if finding.item == 0],
        findings=[f for f in findings if f.item != 0 and f.place.path not in tests],
        seconds=seconds,
    )


def commit(folder: Path) -> str:
    """The commit that is checked out in a clone."""
    told = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "unknown"


def report(found: Measured, shown: set[str]) -> None:
    """Print what there is to know about one repository."""
    thousands = found.lines_outside_tests / 1000
    print(f"{found.name} at {found.commit}")
    print(f"  {found.files} files, {found.lines} lines, {found.lines_outside_tests} outside tests")
    print(f"  {1e6 * found.seconds / found.lines:.1f} ms of processor time per thousand lines")
    print(f"  findings of the linter itself: {len(found.broken)}")
    for finding in found.broken:
        print(f"    {finding.place.path}:{finding.place.line} {finding.code} {finding.message}")
    gating = Counter(finding.code for finding in found.findings if finding.gates)
    everything = Counter(finding.code for finding in found.findings)
    for code, described in rules().items():
        if everything[code]:
            rate = gating[code] / thousands
            print(
                f"  {code:7} {described.name:32} {gating[code]:6} {rate:8.3f} per thousand lines"
                f"{everything[code] - gating[code]:7} more that never gate"
            )
    for finding in found.findings:
        if finding.code in shown:
            place = finding.place
            print(f"  {place.path}:{place.line} {finding.code} {finding.confidence.value}")
            print(f"      {finding.message}")
            for further in finding.related:
                print(f"      {further.path}:{further.line} {further.message}")
    print()


def main() -> int:
    """Measure each repository in a process of its own; 1 if a rule failed anywhere."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--show", action="append", default=[], metavar="SELECTOR")
    parser.add_argument("clones", nargs="+", type=Path)
    arguments = parser.parse_args()
    shown = {code for selector in arguments.show for code in matching(selector)}
    fresh = multiprocessing.get_context("spawn")
    failed = 0
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as pool:
        for found in pool.map(measure, [clone.resolve() for clone in arguments.clones]):
            report(found, shown)
            failed += sum(finding.code == "JX999" for finding in found.broken)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
