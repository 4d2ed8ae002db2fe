"""Trains on public series beside statsforecast's models: `nox -s quality -- --series`.

All series are trained on with one recipe, the experiment `smoke` with the windows that
`benchmarks/yardsticks/public_series.py` states, and tested with the checkpoint that is the best on
the validation split.
"""

import json
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from uv import find_uv_bin

from ..support import rendering
from . import projects
from .projects import Project

YARDSTICKS = rendering.ROOT / "benchmarks" / "yardsticks"
MODELS = ("seasonal_naive", "autoets", "autoarima")
INTERVALS = ("coverage_80", "coverage_95")
COLUMNS = (
    *("series", "MASE", "seasonal naive", "AutoETS", "AutoARIMA"),
    *("coverage of 80 % and 95 %", "AutoETS", "AutoARIMA", "seconds"),
)


def measure(project: Project, name: str, folder: Path) -> dict[str, float]:
    """Metrics of the test split, by name; those of a yardstick begin with its name.

    Args:
        project: A forecasting project whose environment has statsforecast.
        name: The series.
        folder: Where files go.
    """
    season, seq_len, horizon, patch_len, options = _series()[name]
    table, data, run = folder / f"{name}.csv", folder / "data", f"runs/{name}"
    windows = f"fiddler:windows({seq_len},{horizon},{patch_len})"
    project.tool("python", str(YARDSTICKS / "public_series.py"), name, str(table))
    project.command(
        *("prepare", "--source", str(table), "--output", str(data / name), *options),
        *("--season", str(season), f"--config={windows}"),
    )
    started = time.monotonic()
    told = project.command(
        *("train", "--config=config:smoke", f"--config={windows}", "--run-dir", run),
        f"--config=set:data.directory={data / name}",
    )
    assert "finished after" in told
    measured = {"seconds": time.monotonic() - started}
    output = folder / f"{name}.json"
    words = ("--checkpoint", "best", "--split", "test", "--output", str(output))
    project.command("evaluate", "--run-dir", run, *words)
    measured |= json.loads(output.read_text())["metrics"]
    script = str(YARDSTICKS / "forecasting.py")
    lines = project.tool("python", script, project.package, str(data / name), windows).splitlines()
    found = (line.removeprefix("test_").split() for line in lines if line.startswith("test_"))
    return measured | {metric: float(value) for metric, value in found}


def row(name: str, measured: dict[str, float]) -> str:
    """A line of the table."""
    kinds = ("", *(f"{model}_" for model in MODELS))
    cells = [f"{measured[f'{kind}mase']:.2f}" for kind in kinds]
    cells += [
        ", ".join(f"{measured[kind + each]:.2f}" for each in INTERVALS)
        for kind in (kinds[0], *kinds[2:])
    ]
    return f"| {' | '.join([name, *cells, format(measured['seconds'], '.0f')])} |"


def compare(project: Project, folder: Path) -> None:
    """Prints the table, its last line the mean."""
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    rows = []
    for name in _series():
        rows.append(measure(project, name, folder))
        print(row(name, rows[-1]), flush=True)
    common = set.intersection(*map(set, rows))
    print(row("mean", {key: statistics.fmean(each[key] for each in rows) for key in common}))


def main() -> None:
    """Makes a project and compares."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = rendering.export(folder / "template")
        places = (folder / "lab", sys.executable, folder / "environments")
        project = projects.make(template, *places, task="forecasting")
        python = project.environment / "bin" / "python"
        install = (find_uv_bin(), "pip", "install", "--quiet", "--python", python, "statsforecast")
        subprocess.run(install, check=True)
        compare(project, folder)


def _series() -> dict[str, tuple[int, int, int, int, tuple[str, ...]]]:
    names = runpy.run_path(str(YARDSTICKS / "public_series.py"))
    return names["SERIES"]
