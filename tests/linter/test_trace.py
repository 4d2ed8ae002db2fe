"""The trace tier: JAX itself says what is wrong with annotated functions."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from jaxcheck.catalogue import rules
from jaxcheck.running.checking import check_paths
from jaxcheck.settings import Settings

from .examples import Example
from .tracing_cases import CASES, subpackage, write_package

HOOKS = Path(__file__).parents[2] / "hooks"
ALL_RULES = ("--select=conventions",)
COMMAND = "import sys; from jaxcheck.command_line import main; sys.exit(main())"


@dataclass(frozen=True)
class Result:
    """What a run of the trace tier said."""

    status: int
    findings: list[dict[str, object]]
    said: str

    def codes(self, file: str) -> list[tuple[object, object]]:
        """Line and code of the findings in a file."""
        return [(f["line"], f["code"]) for f in self.findings if f["path"] == file]


def trace(folder: Path, package: str, *options: str, before: str = "") -> Result:
    environment = {**os.environ, "PYTHONPATH": str(HOOKS)}
    command = [
        sys.executable,
        "-c",
        before + COMMAND,
        "trace",
        package,
        "--format=json",
        "--verbose",
    ]
    rules = () if any(each.startswith("--select") for each in options) else ALL_RULES
    done = subprocess.run(
        [*command, *rules, *options], cwd=folder, env=environment, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    findings = json.loads(done.stdout)["findings"] if done.stdout else []
    return Result(done.returncode, findings, done.stderr)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """All examples for the trace tier, checked as one package in one process."""
    folder = tmp_path_factory.mktemp("cases")
    write_package(folder)
    return trace(folder, "cases")


@pytest.mark.parametrize("example", CASES, ids=lambda e: e.id)
def test_findings_are_those_marked(example: Example, cases: Result) -> None:
    start = f"cases/{subpackage(example)}/"
    found = {
        (path.removeprefix(start), f["line"], code)
        for f in cases.findings
        for path, code in [(str(f["path"]), str(f["code"]))]
        if f["tier"] == "trace" and path.startswith(start) and example.scope in (code, code[:-2])
    }
    assert found == example.expected


def test_every_rule_of_the_trace_tier_alone_has_bad_and_good_code() -> None:
    for code, described in rules().items():
        if described.tiers == ("trace",):
            mine = [e for e in CASES if e.scope == code]
            assert any(e.positive for e in mine), code
            assert any(not e.positive for e in mine), code


MODEL = """
    from dataclasses import dataclass
    from typing import NamedTuple

    import jax
    import jax.numpy as jnp
    from flax import nnx
    from jaxtyping import Array, Float, Int, PRNGKeyArray


    @dataclass(frozen=True)
    class Settings:
        d_model: int = 32
        d_ff: int = 64
        rate: float = 0.1


    class Cache(NamedTuple):
        keys: Float[Array, "batch seq_len d_model"]
        length: Int[Array, ""]


    class Layer(nnx.Module):
        def __init__(self, settings: Settings, *, rngs: nnx.Rngs):
            self.up = nnx.Linear(settings.d_model, settings.d_ff, rngs=rngs)
            self.down = nnx.Linear(settings.d_ff, settings.d_model, rngs=rngs)
            self.dropout = nnx.Dropout(settings.rate, rngs=rngs)

        def __call__(
            self, x: Float[Array, "batch seq_len d_model"], *, deterministic: bool = False
        ) -> Float[Array, "batch seq_len d_model"]:
            hidden = nnx.silu(self.up(x))
            return self.dropout(self.down(hidden), deterministic=deterministic)

        def extend(self, cache: Cache) -> Cache:
            return Cache(self(cache.keys), cache.length + 1)


    def loss(
        model: Layer, x: Float[Array, "batch seq_len d_model"], key: PRNGKeyArray | None
    ) -> Float[Array, ""]:
        noise = 0.0 if key is None else jax.random.normal(key, x.shape)
        return jnp.mean(jnp.square(model(x) - x + noise))


    def labelled(
        model: Layer, batch: dict[str, Array], scale: str
    ) -> Float[Array, ""]:
        if scale == "double":
            return 2 * loss(model, batch["x"], None)
        return loss(model, batch["x"], None)
"""
DOUBTED = """
    import reprlib

    import jax
    from jaxtyping import Array, Float, PRNGKeyArray

    DEBUG = False


    def logged(key: PRNGKeyArray) -> Float[Array, ""]:
        reprlib.repr(key)
        return jax.random.normal(key)


    def logged_at_times(key: PRNGKeyArray) -> Float[Array, ""]:
        if DEBUG:
            reprlib.repr(key)
        return jax.random.normal(key)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write(
        folder,
        {
            "src/lab/__init__.py": "print('printed on import')\n",
            "src/lab/__main__.py": "raise SystemExit('a program')\n",
            "src/lab/model.py": MODEL,
            "src/lab/doubted.py": DOUBTED,
        },
    )
    return folder


def test_modules_settings_and_records_are_made_up(project: Path) -> None:
    result = trace(project, "lab.model")
    assert result.status == 0
    assert result.findings == []
    assert "traced 4 of 5 array functions" in result.said
    assert "undecided: lab.model.labelled: `batch.first`" in result.said


def test_the_project_supplies_what_cannot_be_made_up(project: Path) -> None:
    write(
        project,
        {
            "tests/jaxcheck_inputs.py": """
                import jax

                def batch():
                    return {"batch": {"x": jax.ShapeDtypeStruct((3, 5, 32), "float32")},
                            "scale": "double"}

                INPUTS = {"lab.model.labelled": batch}
            """,
            "other_inputs.py": """
                INPUTS = {"lab.model.nothing": dict}
            """,
        },
    )
    result = trace(project, "src/lab")
    assert "printed on import" in result.said
    assert "traced 7 of 7 array functions" in result.said
    wrong = trace(project, "lab", "--inputs=other_inputs")
    assert wrong.status == 2
    assert "INPUTS names lab.model.nothing" in wrong.said


def test_a_process_that_has_imported_jax_starts_another_one(project: Path) -> None:
    result = trace(project, "lab.model", before="import jax; jax.devices(); ")
    assert result.status == 0
    assert "traced 5 of 5 array functions" in result.said


def test_a_clean_trace_settles_doubts_about_the_lines_that_ran(project: Path) -> None:
    _, static = check_paths([project / "src/lab/doubted.py"], project, Settings(select=("JX5",)))
    assert [(f.place.line, f.code, str(f.confidence)) for f in static] == [
        (12, "JX501", "likely"),
        (18, "JX501", "likely"),
    ]
    result = trace(project, "lab.doubted")
    assert result.status == 1
    assert result.codes("src/lab/doubted.py") == [(18, "JX501")]


def test_suppressions_and_selection_apply_to_proofs(tmp_path: Path) -> None:
    files = {
        "shapes.py": """
            import jax
            from jaxtyping import Array, Float, PRNGKeyArray


            def transposed(
                x: Float[Array, "batch d_model"], key: PRNGKeyArray
            ) -> Float[Array, "batch d_model"]:  # jaxcheck: ignore[JX209] the callers know
                return x.T


            def twice(key: PRNGKeyArray) -> Float[Array, ""]:
                return jax.random.normal(key) + jax.random.normal(key)
        """
    }
    write(tmp_path, files)
    everything = trace(tmp_path, "shapes.py", "--ignore=JX2")
    assert everything.status == 1
    assert everything.codes("shapes.py") == [(13, "JX501")]
    some = trace(tmp_path, "shapes", "--select=JX2,JX003")
    assert some.status == 0
    assert some.findings == []


def test_a_jax_that_is_not_known_is_said_so(project: Path) -> None:
    hidden = "import sys; sys.modules['jax.experimental.key_reuse'] = None; "
    result = trace(project, "lab.model", before=hidden)
    assert result.status == 2
    assert "does not know jax" in result.said


def test_a_package_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    result = trace(tmp_path, "no_such_package")
    assert result.status == 2
    assert "no such package" in result.said


def test_what_the_trace_tier_says_is_in_the_catalogue_as_such() -> None:
    sources = (HOOKS / "jaxcheck/trace").glob("*.py")
    codes = {code for source in sources for code in re.findall(r'"(JX\d+)"', source.read_text())}
    assert len(codes) > 15
    assert {code for code in codes if "trace" not in rules()[code].tiers} == set()
