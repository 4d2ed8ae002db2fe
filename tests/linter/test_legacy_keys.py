"""`PRNGKey` becomes `key` by itself only where nothing can tell the two apart."""

from pathlib import Path

import pytest

from jaxcheck.findings import Fix
from jaxcheck.running.checking import check_paths
from jaxcheck.settings import Settings

DRAWN = """
import jax

def sample(seed):
    key = jax.random.PRNGKey(seed)
    key, subkey = jax.random.split(key)
    keys = jax.random.split(jax.random.fold_in(key, 1), 3)
    return jax.random.normal(subkey), draw(keys[0])

def draw(key):
    return jax.random.uniform(key)
"""
SAFE = {
    "drawn from": DRAWN,
    "given to streams": "import jax\nfrom flax import nnx\n"
    "def f():\n    return nnx.Rngs(jax.random.PRNGKey(0))\n",
    "iterated over": "import jax\ndef f():\n"
    "    for k in jax.random.split(jax.random.PRNGKey(0)):\n        jax.random.normal(k)\n",
}
UNSAFE = {
    "returned": "import jax\ndef f():\n    return jax.random.PRNGKey(0)\n",
    "indexed": "import jax\ndef f():\n    key = jax.random.PRNGKey(0)\n    return key[0]\n",
    "stored": "import jax\nclass A:\n    def f(self):\n        self.key = jax.random.PRNGKey(0)\n",
    "given to a stranger": "import jax\ndef f(g):\n    return g(jax.random.PRNGKey(0))\n",
    "given to a helper that looks inside": "import jax\ndef f():\n"
    "    return words(jax.random.PRNGKey(0))\ndef words(key):\n    return key.sum()\n",
    "read by other modules": "import jax\nKEY = jax.random.PRNGKey(0)\n",
    "a slice of split keys": "import jax\ndef f():\n"
    "    return jax.random.split(jax.random.PRNGKey(0))[0, 0]\n",
    "passed on": "import jax\ndef f(seeds):\n    return jax.vmap(jax.random.PRNGKey)(seeds)\n",
}


def fix_of(source: str, folder: Path) -> Fix:
    (folder / "example.py").write_text(source, encoding="utf-8")
    _, found = check_paths([folder], folder, Settings(select=("JX1302",)))
    assert len(found) == 1
    assert found[0].fix
    return found[0].fix


@pytest.mark.parametrize("source", SAFE.values(), ids=SAFE)
def test_is_mended(source: str, tmp_path: Path) -> None:
    fix = fix_of(source, tmp_path)
    assert fix.safe
    assert fix.edits[0].replacement == "jax.random.key"


@pytest.mark.parametrize("source", UNSAFE.values(), ids=UNSAFE)
def test_is_only_suggested(source: str, tmp_path: Path) -> None:
    assert not fix_of(source, tmp_path).safe


@pytest.mark.parametrize(
    ("head", "spelling", "replacement"),
    [
        ("import jax.random as jr", "jr.PRNGKey", "jr.key"),
        ("from jax import random", "random.PRNGKey", "random.key"),
        ("import jax\nfrom jax.random import PRNGKey", "PRNGKey", "jax.random.key"),
        ("import jax", "jax.random.PRNGKey", "jax.random.key"),
    ],
)
def test_keeps_the_module_s_spelling(
    head: str, spelling: str, replacement: str, tmp_path: Path
) -> None:
    fix = fix_of(f"{head}\n\ndef f():\n    print({spelling}(0))\n", tmp_path)
    assert fix.edits[0].replacement == replacement
