"""The command line of the trace tier: `python -m jaxcheck trace PACKAGE`."""

import argparse
import contextlib
import dataclasses
import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..configuration import settings_from
from ..settings import Settings
from . import environment

if TYPE_CHECKING:
    from .session import Outcome

CLEAN, FINDINGS, USAGE, INTERNAL = 0, 1, 2, 3


def main(arguments: Sequence[str]) -> int:
    """Checks a package with the static and the trace tier; returns the exit status.

    JAX reads its environment when it is imported, so a process that has imported it already
    starts another one.
    """
    options = _parser().parse_args(arguments)
    if environment.is_late():
        return environment.run_in_new_process(arguments)
    environment.prepare()
    try:
        import flax
        import jax
        import jaxtyping
    except ImportError as error:
        print(f"jaxcheck: the trace tier needs jax, flax and jaxtyping: {error}", file=sys.stderr)
        return USAGE
    del flax, jaxtyping
    jax.config.update("jax_traceback_filtering", "off")  # the project's frames are looked up
    return _run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jaxcheck trace",
        description="Imports a package and lets JAX trace every function with jaxtyping "
        "annotations, on simulated CPU devices; nothing is computed. Modules named __main__ are "
        "not imported.",
    )
    parser.add_argument("package", help="its dotted name, or the path of its folder or file")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--select", action="append", default=[], help="rules to run, by comma")
    parser.add_argument("--ignore", action="append", default=[], help="rules to leave out")
    parser.add_argument(
        "--inputs",
        metavar="MODULE",
        help="the module that supplies what cannot be made up (default: tests/jaxcheck_inputs.py)",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="say why each undecided function could not be traced"
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    from . import private, session
    from .importing import NoSuchPackageError, find_package
    from .registry import RegistryError, load_registry

    root = Path.cwd()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the project prints on import
            private.verify()
            settings = _settings(root, options)
            package, folder = find_package(options.package, root)
            registry = load_registry(root, options.inputs)
            outcome = session.run(package, folder, root, settings, registry)
    except (NoSuchPackageError, RegistryError) as error:
        print(f"jaxcheck: {error}", file=sys.stderr)
        return USAGE
    except private.MovedError as error:
        print(f"jaxcheck: {error}", file=sys.stderr)
        return INTERNAL
    _print(outcome, options)
    if any(finding.code == "JX999" for finding in outcome.findings):
        return INTERNAL
    return FINDINGS if any(finding.gates for finding in outcome.findings) else CLEAN


def _settings(root: Path, options: argparse.Namespace) -> Settings:
    file = root / "pyproject.toml"
    table = tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
    settings = settings_from(table.get("tool", {}).get("jaxcheck", {}))
    select = tuple(code for each in options.select for code in each.split(","))
    ignore = tuple(code for each in options.ignore for code in each.split(","))
    return dataclasses.replace(
        settings, select=select or settings.select, ignore=settings.ignore + ignore
    )


def _print(outcome: "Outcome", options: argparse.Namespace) -> None:
    if options.format == "json":
        findings = [
            {
                "path": f.place.path,
                "line": f.place.line,
                "column": f.place.column,
                "code": f.code,
                "name": f.name,
                "message": f.message,
                "confidence": f.confidence,
                "tier": f.tier,
            }
            for f in outcome.findings
        ]
        print(json.dumps({"findings": findings}, indent=1))
    else:
        for f in outcome.findings:
            print(f"{f.place.path}:{f.place.line}:{f.place.column} {f.code}[{f.name}] {f.message}")
    print(outcome.summary, file=sys.stderr)
    if options.verbose:
        for name, reason in outcome.undecided.items():
            print(f"  undecided: {name}: {reason}", file=sys.stderr)
