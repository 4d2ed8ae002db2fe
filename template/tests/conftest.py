"""How tests run: on eight simulated CPU devices, with JAX's own checks switched on."""

import os
import tempfile
from collections.abc import Iterator

# Many tests compile the same program. What one has compiled the others of this session take, in
# this process or in one that they start. The folder is new, so nothing stale is ever taken, unless
# you name one that is to last longer.
_CACHE = tempfile.TemporaryDirectory(prefix="compiled-")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", _CACHE.name)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
# They compile much and compute little, so XLA need not optimise what it compiles.
# Eight devices wait for each other on however few cores there are; on a busy machine for minutes.
_FLAGS = ("backend_optimization_level=0", "cpu_collective_call_terminate_timeout_seconds=600")
os.environ.setdefault("XLA_FLAGS", " ".join(f"--xla_{flag}" for flag in _FLAGS))
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["WANDB_MODE"] = "disabled"  # tests upload nothing, and need no login

import jax
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_debug_key_reuse", True)  # a key used twice is an error
jax.config.update("jax_legacy_prng_key", "error")  # keys are made by jax.random.key
jax.config.update("jax_numpy_rank_promotion", "raise")  # shapes are aligned on purpose


@pytest.fixture(scope="session", autouse=True)
def _compiled_programs() -> Iterator[None]:
    yield
    _CACHE.cleanup()
