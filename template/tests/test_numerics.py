"""Products under the precision policy, and checks on the host."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from .project import numerics

BFLOAT16, FLOAT32 = numerics.precision.Precision(), numerics.precision.FLOAT32
SPECS = {
    "bsd,df->bsf": ((2, 3, 4), (4, 5)),
    "bsd,dhk->bshk": ((2, 3, 4), (4, 2, 3)),
    "bhik,bhjk->bhij": ((2, 2, 3, 4), (2, 2, 5, 4)),
    "bhij,bhjk->bhik": ((2, 2, 3, 5), (2, 2, 5, 4)),
    "bihk,hkd->bid": ((2, 3, 2, 4), (2, 4, 5)),
    "bsd,vd->bsv": ((2, 3, 4), (7, 4)),
}


def operands(spec):
    keys = jax.random.split(jax.random.key(0))
    return [jax.random.normal(key, shape) for key, shape in zip(keys, SPECS[spec], strict=True)]


@pytest.mark.parametrize("spec", SPECS)
def test_contract_equals_einsum_and_its_derivative(spec):
    contract = numerics.contract.contract

    def ours(left, right):
        return jnp.sum(jnp.sin(contract(spec, left, right, FLOAT32)))

    def reference(left, right):
        return jnp.sum(jnp.sin(jnp.einsum(spec, left, right, precision="highest")))

    pair = operands(spec)
    np.testing.assert_allclose(ours(*pair), reference(*pair), rtol=1e-5)
    for one, other in zip(*(jax.grad(f, (0, 1))(*pair) for f in (ours, reference)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("spec", SPECS)
def test_contract_runs_in_bfloat16_forward_and_backward(spec):
    left, right = (each.astype(jnp.bfloat16) for each in operands(spec))

    def total(left, right):
        product = numerics.contract.contract(spec, left, right, BFLOAT16)
        assert product.dtype == jnp.bfloat16
        return jnp.sum(product.astype(jnp.float32))

    for gradient in jax.jit(jax.grad(total, (0, 1)))(left, right):
        assert gradient.dtype == jnp.bfloat16
        assert jnp.all(jnp.isfinite(gradient))


def test_contract_accumulates_in_float32():
    ones = jnp.ones((1, 4096), jnp.bfloat16)
    small = jnp.full((4096, 1), 2.0**-9, jnp.bfloat16).at[0].set(256)
    exact = 256 + 4095 * 2.0**-9  # a sum in bfloat16 would stay at 256
    product = numerics.contract.contract("ij,jk->ik", ones, small, BFLOAT16, accumulator=True)
    assert product.dtype == jnp.float32
    np.testing.assert_allclose(product[0, 0], exact, rtol=1e-6)


@pytest.mark.parametrize("spec", ["ij,jk", "ii,ij->ij", "ij,jk->i", "ij->ij", "...i,ij->...j"])
def test_contract_refuses_what_it_cannot_differentiate(spec):
    with pytest.raises(ValueError, match="contract cannot take"):
        numerics.contract.contract(spec, jnp.ones((2, 2)), jnp.ones((2, 2)), FLOAT32)


def test_lookup_sums_its_gradient_in_float32():
    table, tokens = jnp.ones((4, 2), jnp.bfloat16), jnp.zeros((1, 1000), jnp.int32)

    def total(table):
        return jnp.sum(numerics.contract.lookup(table, tokens).astype(jnp.float32))

    # In bfloat16 a running sum of ones stops at 256.
    np.testing.assert_allclose(jax.grad(total)(table)[0].astype(jnp.float32), 1000)
    plain = jax.grad(lambda table: jnp.sum(table[tokens].astype(jnp.float32)))(table)
    assert plain.shape == table.shape


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_what_is_not_finite_is_found_and_counted(dtype):
    check, result = numerics.checks.check_finite, numerics.result
    array = jnp.ones((2, 3), dtype)
    tree = {"a": {"count": 3, "key": jax.random.key(0)}, "b": [array, 1.5]}
    assert check(tree, "test") == result.Ok(None)
    array = array.at[0].set(jnp.nan).at[1, 2].set(-jnp.inf)
    bad = check(tree | {"b": [2.0, array]}, "test")
    assert isinstance(bad, result.Err)
    assert str(bad.error) == "test: NaN or Inf in b.1 (nan_count=3, inf_count=1, size=6)"
    assert "NaN or Inf in the array" in str(check(float("inf"), "test").error)
