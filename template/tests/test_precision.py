"""The audit: what the training step really computes with."""

import jax
import jax.numpy as jnp
import pytest

from . import tiny, tiny_task
from .project import training

PRODUCTS = ("dot_general", "conv_general_dilated")
# Operations that add up many numbers; the sums must not be rounded to 8 bits on the way.
REDUCTIONS = (
    "reduce_sum",
    "cumsum",
    "cumlogsumexp",
    "scatter-add",
    "add_any_reduce",
    "reduce_prod",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


def equations(jaxpr):
    """Every equation, those inside loops, checkpoints and custom derivatives included."""
    for equation in jaxpr.eqns:
        yield equation
        for parameter in equation.params.values():
            for inner in jax.tree.leaves(parameter, is_leaf=lambda leaf: hasattr(leaf, "eqns")):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from equations(inner)


def step_equations(experiment):
    program = training.program.make_program(experiment, tiny.make_mesh())
    batch = next(tiny.batches(experiment))
    with jax.set_mesh(tiny.make_mesh()):
        traced = program.train_step.trace(program.layout.abstract, batch)
    return list(equations(traced.jaxpr.jaxpr))


def products_of(found):
    return [each for each in found if each.primitive.name in PRODUCTS]


def audit(found):
    """Products take bfloat16, sums are float32, and there is no other kind of number."""
    for product in products_of(found):
        assert {str(operand.aval.dtype) for operand in product.invars} == {"bfloat16"}, product
        assert product.outvars[0].aval.dtype == jnp.float32, product

    sums = [each for each in found if each.primitive.name in REDUCTIONS]
    assert sums
    for each in sums:
        for dtype in (var.aval.dtype for var in each.invars):
            assert dtype == jnp.float32 or not jnp.issubdtype(dtype, jnp.floating), each

    everything = {
        str(var.aval.dtype) for each in found for var in each.outvars if hasattr(var.aval, "dtype")
    }
    assert not {"float64", "int64", "float16"} & everything


@pytest.mark.parametrize("changes", tiny_task.COMPUTED)
def test_products_take_bfloat16_and_sums_are_float32(data, changes):
    bfloat16 = ("precision.param_dtype=bfloat16", "precision.compute_dtype=bfloat16")
    found = step_equations(tiny.make(data, *bfloat16, *changes))
    # Each product has one or two more in the backward pass.
    assert len(products_of(found)) >= 2 * tiny_task.PRODUCTS
    audit(found)


def test_the_audit_sees_a_product_in_float32(data):
    experiment = tiny.make(data, "precision.compute_dtype=float32")
    products = products_of(step_equations(experiment))
    assert {str(var.aval.dtype) for each in products for var in each.invars} == {"float32"}
