"""What has to be set before JAX is imported."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

DEVICES = 8  # simulated, so that meshes can be made


def is_late() -> bool:
    """Whether JAX has been imported already, with whatever environment there was."""
    return "jax" in sys.modules


def prepared(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment in which JAX runs on simulated CPU devices."""
    flags = environment.get("XLA_FLAGS", "").split()
    flags = [f for f in flags if not f.startswith("--xla_force_host_platform_device_count")]
    flags.append(f"--xla_force_host_platform_device_count={DEVICES}")
    return {**environment, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": " ".join(flags)}


def prepare() -> None:
    """Prepares this process."""
    os.environ.update(prepared(os.environ))


def run_in_new_process(arguments: Sequence[str]) -> int:
    """Runs the trace tier in a process that has not imported JAX; returns its exit status."""
    environment = prepared(os.environ)
    here = str(Path(__file__).parents[2])
    paths = [here, *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    command = [sys.executable, "-m", "jaxcheck", "trace", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode
