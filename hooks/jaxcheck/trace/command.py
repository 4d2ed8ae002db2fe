"""The command line of the trace tier: `python -m jaxcheck trace PACKAGE`."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from ..command_line import add_common_options, configured, publish
from ..running import baseline
from ..running.configuration import ConfigurationError
from ..running.results import results
from . import environment

DESCRIPTION = """Imports a package and lets JAX trace every function whose jaxtyping annotations say
what its inputs are, on simulated CPU devices; nothing is computed. Tests and modules named
__main__ are not imported. The rules that need no JAX run as well, and what one tier proves settles
the other's doubt."""


def main(arguments: Sequence[str]) -> int:
    """Checks a package with both tiers and returns the exit status.

    JAX reads its environment when it is imported, so a process that has imported it already
    starts another one.

    Raises:
        ConfigurationError: The command line, the settings or the project's inputs are no good, or
            this environment cannot trace.
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
        raise ConfigurationError(f"the trace tier needs jax, flax and jaxtyping: {error}") from None
    del flax, jaxtyping
    jax.config.update("jax_traceback_filtering", "off")  # the project's frames are looked up
    return _run(options)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="jaxcheck trace", description=DESCRIPTION)
    made.add_argument("package", help="its dotted name, or the path of its folder or file")
    add_common_options(made)
    made.add_argument("--report", action="store_true", help="add how far each item is kept")
    made.add_argument(
        "--inputs",
        metavar="MODULE",
        help="the module that supplies what cannot be made up (default: tests/jaxcheck_inputs.py)",
    )
    made.add_argument(
        "--verbose", action="store_true", help="say why functions could not be traced"
    )
    return made


def _run(options: argparse.Namespace) -> int:
    from . import private, session
    from .importing import find_package
    from .registry import load_registry

    private.verify()
    paths = [Path(options.package)] if Path(options.package).exists() else []
    root, settings = configured(options, paths)
    entries = baseline.entries_of(root, settings)
    with contextlib.redirect_stdout(sys.stderr):  # what the project prints on import
        package, folder = find_package(options.package, root)
        registry = load_registry(root, options.inputs)
        outcome = session.run(package, folder, root, settings, registry)
    done = results(outcome.project, outcome.findings, entries, ("static", "trace"))
    publish(done, options, options.report)
    print(outcome.summary, file=sys.stderr)
    if options.verbose:
        for name, reason in outcome.undecided.items():
            print(f"  undecided: {name}: {reason}", file=sys.stderr)
    return done.status
