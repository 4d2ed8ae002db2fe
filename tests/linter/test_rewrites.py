"""The stable forms that JX1003 writes compute what they replace, where that loses no digits."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcheck.running.checking import check_paths
from jaxcheck.running.edits import apply
from jaxcheck.settings import Settings

EXPRESSIONS = (
    "jnp.log(jax.nn.softmax(x))",
    "jnp.log(jax.nn.softmax(2 * x, axis=0))",
    "jnp.log(jax.nn.softmax(x, 0))",
    "jnp.log(jax.nn.sigmoid(x))",
    "jnp.log(jnp.sum(jnp.exp(x)))",
    "jnp.log(jnp.sum(jnp.exp(x), axis=1, keepdims=True))",
    "jnp.log(jnp.sum(jnp.exp(x), -1))",
    "jnp.log(jnp.exp(x).sum(axis=0))",
    "jnp.log(1 + jnp.exp(x))",
    "jnp.log(jnp.exp(x - 1) + 1.0)",
    "jnp.log(1 + jnp.abs(x))",
    "jnp.log(1 - jnp.abs(x) / 4)",
    "2 * (jnp.exp(x) - 1)",
    "jnp.exp(jnp.abs(x)) - 1.0 - x",
)
HEAD = """import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def function(x: Float[Array, "rows columns"]):
"""


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_stable_form_is_equal(expression: str, tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    source = f"{HEAD}    return {expression}\n"
    path.write_text(source, encoding="utf-8")
    settings = Settings(select=("JX1003",))
    _, (finding,) = check_paths([path], tmp_path, settings)
    assert finding.fix is not None
    assert finding.fix.safe
    fixed = apply(source, set(finding.fix.edits))
    path.write_text(fixed, encoding="utf-8")
    assert check_paths([path], tmp_path, settings)[1] == []

    before: dict = {}
    after: dict = {}
    exec(source, before)
    exec(fixed, after)
    x = jax.random.normal(jax.random.key(0), (3, 4), jnp.float32)
    np.testing.assert_allclose(after["function"](x), before["function"](x), rtol=1e-5, atol=1e-6)
