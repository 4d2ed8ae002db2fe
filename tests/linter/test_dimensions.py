"""Shape strings: jaxtyping itself says the same of them, and renaming keeps what they mean."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest
from jaxtyping import Array, Shaped

from jaxcheck.arrays.dimensions import parse_shape
from jaxcheck.findings import Finding
from jaxcheck.running.checking import check_paths
from jaxcheck.running.edits import apply
from jaxcheck.settings import Settings

ACCEPTED = (
    "", "   ", "...", "batch", " seq_len", "batch seq_len 3", "*batch d_model", "batch ... 3", "_",
    "_ d_model", "_rest", "*_rest", "#batch", "*#batch", "#*batch", "rows=3 cols=4", "name=batch",
    "?batch", "2*d_model", "seq_len+1", "min(seq_len,3)", "{size}", "{size}+1 batch", "#3", "-1",
)  # fmt: skip
REFUSED = (
    "batch, seq_len", "batch ,seq_len", "batch#", "... ...", "*batch ...", "*a *b", "...batch",
    "**a", "##a", "__a", "??a", "*4", "_4", "?4", "#_", "*a+1", "_a+1", "?a+1",
)  # fmt: skip
HEAD = "from jaxtyping import Array, Float\n"


def _made(spec: str) -> Any:
    return Shaped[Array, spec]


@pytest.mark.parametrize("spec", ACCEPTED)
def test_what_jaxtyping_accepts_is_read_with_its_rank(spec: str) -> None:
    made = _made(spec)
    shape = parse_shape(spec)
    assert not shape.error
    assert shape.rank == (len(made.dims) if made.index_variadic is None else None)


@pytest.mark.parametrize("spec", REFUSED)
def test_what_jaxtyping_refuses_is_an_error(spec: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)ax[ie]s|allowed|must|variadic"):
        _made(spec)
    assert parse_shape(spec).error


@pytest.mark.parametrize("spec", ["batch +", "1a", "a b)"])
def test_what_jaxtyping_cannot_evaluate_is_an_error(spec: str) -> None:
    with pytest.raises((SyntaxError, TypeError)):
        isinstance(jnp.zeros((1,) * len(spec.split())), _made(spec))
    assert parse_shape(spec).error


@pytest.mark.parametrize("spec", ["#batch seq_len+2*d_model", "*batch ?d_ff rows=c_in", "é*b"])
def test_names_stand_where_the_dimensions_say(spec: str) -> None:
    found = [each for dimension in parse_shape(spec).dimensions for each in dimension.names]
    assert found
    assert all(spec[at : at + len(name)] == name for name, at in found)


def findings(text: str, folder: Path) -> list[Finding]:
    """The unknown dimensions in a module."""
    (folder / "example.py").write_text(text, encoding="utf-8")
    return check_paths([folder], folder, Settings(select=("JX201",)))[1]


def renamed(text: str, folder: Path) -> str:
    """The module after its safe fixes."""
    fixes = [f.fix for f in findings(text, folder) if f.fix is not None and f.fix.safe]
    return apply(text, [edit for fix in fixes for edit in fix.edits])


def test_habits_of_other_projects_are_renamed_wherever_they_stand(tmp_path: Path) -> None:
    text = HEAD + (
        'Hidden = Float[Array, "bs *T #n_heads"]  # é\n'
        'def f(é: Float[Array, "bs vocab"], y: Float[Array, \'2*bs\']) -> Float[Array, "bs"]: ...\n'
    )
    wanted = text.replace("bs", "batch").replace("T ", "seq_len ")
    wanted = wanted.replace("n_heads", "num_heads").replace("vocab", "vocab_size")
    assert renamed(text, tmp_path) == wanted
    assert not findings(wanted, tmp_path)


@pytest.mark.parametrize(
    "definition",
    [
        'def f(x: Float[Array, "batch bs"]): ...',
        'def f(x: Float[Array, "bs"], y: Float[Array, "batch"]): ...',
        'def f(x: Float[Array, "bs B"]): ...',
        'def f(x: Float[Array, "H"]): ...',
        'def f(x: Float[Array, "btach"]): ...',
        "def f(x: \"Float[Array, 'bs']\"): ...",
        'def f(x: Float[Array, "b" "s"]): ...',
        'X = Float[Array, "bs"]\nY = Float[Array, "batch"]',
        'X = Float[Array, "L"]\ndef f(x: X, y: Float[Array, "L"]): ...',
        'SHAPE = "bs"\ndef f(x: Float[Array, SHAPE]): ...',
    ],
)
def test_a_name_that_may_mean_two_things_stays(definition: str, tmp_path: Path) -> None:
    text = HEAD + definition + "\n"
    assert findings(text, tmp_path)
    assert renamed(text, tmp_path) == text


def test_half_a_signature_is_never_renamed(tmp_path: Path) -> None:
    """The alias stays, since the batch is something else elsewhere: so must its companions."""
    text = HEAD + (
        'X = Float[Array, "bs"]\n'
        'Y = Float[Array, "batch"]\n'
        'def f(x: X, y: Float[Array, "bs d_model"]): ...\n'
    )
    assert renamed(text, tmp_path) == text
