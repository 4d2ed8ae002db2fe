"""The command line: `jaxcheck PATH…`, `jaxcheck trace PACKAGE`."""

import argparse
import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from . import __version__
from .findings import Finding
from .project import Project
from .reporting import FORMATS, render
from .running import baseline
from .running.checking import check_paths
from .running.configuration import ConfigurationError, check_selectors, configuration
from .running.loading import absolute, python_files
from .running.results import INTERNAL, USAGE, Results, results
from .settings import Settings

DESCRIPTION = """Finds mistakes in JAX code (the profile `bugs`, the default) and what breaks its
conventions (`--select conventions`); `jaxcheck --list-rules` lists the rules of both."""
EPILOG = """`jaxcheck trace PACKAGE` imports a package and lets JAX check what reading cannot
(`jaxcheck trace --help`). Exit status: 0 nothing that fails, 1 findings, 2 wrong usage or
configuration, 3 a failure of jaxcheck itself. Heuristic findings and notes never fail."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    # The trees of a project live to the end: collecting garbage would only walk them.
    gc.disable()
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal may lack letters that code has
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore
    try:
        if given[:1] == ["trace"]:
            from .trace.command import main as trace

            return trace(given[1:])
        return _run(parser().parse_args(given))
    except ConfigurationError as error:
        print(f"jaxcheck: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # `jaxcheck | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERNAL
    except Exception:
        traceback.print_exc()
        print("jaxcheck: this is a failure of jaxcheck itself; please report it", file=sys.stderr)
        return INTERNAL


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    made = argparse.ArgumentParser(prog="jaxcheck", description=DESCRIPTION, epilog=EPILOG)
    made.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="files and folders (default: `paths` of the settings, or the current folder); - reads "
        "one file from stdin",
    )
    made.add_argument(
        "--stdin-filename", type=Path, metavar="FILE", help="where the file from stdin belongs"
    )
    add_common_options(made)
    made.add_argument("--statistics", action="store_true", help="count findings by rule instead")
    made.add_argument(
        "--report", action="store_true", help="add how far each item of the checklist is kept"
    )
    made.add_argument("--fix", action="store_true", help="mend what can be mended safely")
    made.add_argument(
        "--write-baseline",
        action="store_true",
        help="write the baseline if there is none, else take out what is mended",
    )
    alone = made.add_argument_group("instead of checking").add_mutually_exclusive_group()
    alone.add_argument("--explain", metavar="RULE", help="print the page of a rule")
    alone.add_argument(
        "--list-rules", action="store_true", help="list all rules, each with its profile"
    )
    alone.add_argument(
        "--print-schema", action="store_true", help="print the JSON schema of [tool.jaxcheck]"
    )
    alone.add_argument(
        "--verify", action="store_true", help="check that this copy of jaxcheck is unchanged"
    )
    alone.add_argument("--version", action="version", version=f"jaxcheck {__version__}")
    return made


def add_common_options(made: argparse.ArgumentParser) -> None:
    """Adds the options that `jaxcheck` and `jaxcheck trace` share."""
    made.add_argument("--format", choices=list(FORMATS), default="text", help="(default: text)")
    made.add_argument("--output", type=Path, metavar="FILE", help="write there, not to stdout")
    made.add_argument(
        "--select",
        action="append",
        metavar="RULES",
        help="run these rules only, by comma: bugs, conventions, codes, names, items (JX5)",
    )
    made.add_argument("--ignore", action="append", metavar="RULES", help="leave these rules out")
    made.add_argument("--config", type=Path, metavar="FILE", help="read [tool.jaxcheck] from there")
    made.add_argument("--baseline", metavar="FILE", help="the baseline to apply")


def configured(options: argparse.Namespace, paths: Sequence[Path]) -> tuple[Path, Settings]:
    """Returns the root and the settings that paths and the options that are shared call for.

    Raises:
        ConfigurationError: Something in them cannot be used.
    """
    found = configuration(paths, options.config)
    settings = found.settings
    select, ignore = _split(options.select), _split(options.ignore)
    check_selectors(select, "--select")
    check_selectors(ignore, "--ignore")
    if select:
        settings = replace(settings, select=select, ignore=ignore)
    elif ignore:
        settings = replace(settings, ignore=(*settings.ignore, *ignore))
    if options.baseline:
        settings = replace(settings, baseline=str(absolute(Path(options.baseline))))
    return found.root, settings


def publish(
    done: Results, options: argparse.Namespace, report: bool, statistics: bool = False
) -> None:
    """Prints results, or writes them where the options say.

    Args:
        done: The results.
        options: The options that `add_common_options` adds.
        report: Whether to add the coverage report.
        statistics: Whether to count findings by rule instead of showing them, as text.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    rows = None
    if report:
        from .reporting.coverage import rows as coverage

        rows = coverage(done)
    if statistics:
        from .reporting.text import statistics as counted

        show(counted(done, rows), options.output)
    else:
        show(render(done, options.format, rows), options.output)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if options.format == "github" and summary:
        from .reporting.github import step_summary

        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(step_summary(done, rows))


def show(text: str, output: Path | None) -> None:
    """Prints text, or writes it to a file.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--output: {output} cannot be written: {error}") from None


def _run(options: argparse.Namespace) -> int:
    if options.verify or options.explain or options.list_rules or options.print_schema:
        from .running import information

        return information.run(options)
    return _check(options)


def _check(options: argparse.Namespace) -> int:
    if options.statistics and options.format != "text":
        raise ConfigurationError("--statistics is text; JSON has the counts in `summary`")
    stdin = options.paths == [Path("-")]
    if stdin:
        options.paths = [absolute(options.stdin_filename or Path("stdin.py"))]
        if options.fix or options.write_baseline:
            raise ConfigurationError("--fix and --write-baseline need files, not stdin")
    root, settings = configured(options, options.paths)
    paths = options.paths or [root / path for path in settings.paths] or [Path.cwd()]
    texts = {paths[0]: sys.stdin.buffer.read()} if stdin else {}
    if not stdin:
        _check_paths(paths, root, settings)
    file = baseline.file_of(root, settings)
    first = options.write_baseline and not file.exists()
    entries = [] if first else baseline.entries_of(root, settings)

    def judge(project: Project, found: list[Finding]) -> Results:
        return results(project, found, entries)

    if options.fix:
        done = _fix(paths, root, settings, judge)
    else:
        done = judge(*check_paths(paths, root, settings, texts))
    if options.write_baseline:
        done = _write_baseline(file, entries, done)
    elif done.gone:
        _say(f"{len(done.gone)} entries of the baseline occur no more: run --write-baseline")
    publish(done, options, options.report, options.statistics)
    return done.status


def _check_paths(paths: Sequence[Path], root: Path, settings: Settings) -> None:
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path} does not exist; name files or folders to check")
    if not any(True for _ in python_files(paths, root, settings)):
        listed = ", ".join(map(str, paths))
        raise ConfigurationError(
            f"no Python files under {listed}; name other paths, or see `exclude` in the settings"
        )


def _fix(
    paths: Sequence[Path],
    root: Path,
    settings: Settings,
    judge: Callable[[Project, list[Finding]], Results],
) -> Results:
    from .running.fixing import fix

    try:
        fixed = fix(paths, root, settings, judge)
    except OSError as error:
        raise ConfigurationError(f"--fix: a file cannot be written: {error}") from None
    for finding in fixed.applied:
        _say(_told("fixed", finding, fixed.results))
    for finding in fixed.refused:
        told = _told("not fixed", finding, fixed.results)
        _say(f"{told} (the result would not be free of findings)")
    return fixed.results


def _told(what: str, finding: Finding, done: Results) -> str:
    place, description = finding.place, finding.fix.description if finding.fix else ""
    return f"{what} {place.path}:{done.spot(place)} {finding.code}[{finding.name}]: {description}"


def _write_baseline(file: Path, entries: list[baseline.Entry], done: Results) -> Results:
    """Writes the first baseline, or takes out what is mended; never adds to one."""
    if file.exists():
        left = [entry for entry in entries if entry not in done.gone]
        baseline.write(file, left)
        for entry in done.gone:
            _say(f"taken out of the baseline: {entry.path} {entry.code} {entry.function}")
        new = sum(finding.item != 0 for finding in done.findings)
        if new:
            _say(f"not added to the baseline: {new} findings; delete {file} to start anew")
        _say(f"{file}: {len(left)} entries left")
        return replace(done, gone=[])
    tolerated = [finding for finding in done.findings if finding.item != 0]
    baseline.write(file, map(baseline.Entry.of, tolerated))
    _say(f"{file}: {len(tolerated)} entries written")
    left = [finding for finding in done.findings if finding.item == 0]
    return replace(done, findings=left, tolerated=tolerated)


def _split(given: Sequence[str] | None) -> tuple[str, ...]:
    parts = (part.strip() for each in given or () for part in each.split(","))
    return tuple(part for part in parts if part)


def _say(text: str) -> None:
    """Prints what is not a part of the results, which others may read by program."""
    print(f"jaxcheck: {text}", file=sys.stderr)
