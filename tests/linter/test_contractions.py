"""The einsum that JX801 suggests computes what the product does."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from jaxcheck.running.checking import check_paths
from jaxcheck.running.edits import apply
from jaxcheck.settings import Settings

FORMS = ("a @ b", "jnp.matmul(a, b)", "a @ b.swapaxes(-1, -2)", "a @ b.mT")
CASES = [
    (form, left, right)
    for form, left, right in product(FORMS, range(1, 6), range(1, 6))
    if max(left, right) >= 3 and (right > 1 or form in FORMS[:2])
]


def program(form: str, left: int, right: int) -> str:
    """A function that multiplies arrays of these ranks."""
    annotations = [" ".join(f"{name}{axis}" for axis in range(rank)) for name, rank in
                   (("a", left), ("b", right))]  # fmt: skip
    return (
        "import jax.numpy as jnp\nfrom jaxtyping import Array, Float\n\n\n"
        f'def multiply(a: Float[Array, "{annotations[0]}"], b: Float[Array, "{annotations[1]}"]):\n'
        f"    return {form}\n"
    )


@pytest.mark.parametrize(("form", "left", "right"), CASES)
def test_the_suggested_einsum_is_the_same_product(
    form: str, left: int, right: int, tmp_path: Path
) -> None:
    path = tmp_path / "example.py"
    text = program(form, left, right)
    path.write_text(text)
    _, findings = check_paths([path], tmp_path, Settings(select=("JX801",)))
    assert [finding.code for finding in findings] == ["JX801"]
    fix = findings[0].fix
    assert fix is not None
    mended = apply(text, fix.edits).rsplit("return ", 1)[1]
    assert "einsum" in mended
    random = np.random.default_rng(0)
    sizes = (2, 3, 4, 5, 6)[5 - max(left, right) :]  # of the batch, then rows and columns
    turned = form not in FORMS[:2]
    a = random.normal(size=(*sizes[:-2], 7, 5)[-left:])
    b_shape = (*sizes[:-2], 6, 5) if turned else (*sizes[:-2], 5, 6)
    b = random.normal(size=b_shape[-right:] if right > 1 else (5,))
    names = {"a": a, "b": b}
    wanted = np.matmul(a, np.swapaxes(b, -1, -2) if turned else b)
    found = eval(mended, {"jnp": np}, names)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
