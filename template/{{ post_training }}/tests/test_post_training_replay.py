"""A step that Tunix makes is made again, and the module that breaks it is named."""

import jax.numpy as jnp

from . import tiny_methods
from .project import layers, training
from .watched import unchanged


def test_the_first_module_is_named(tmp_path, monkeypatch):
    """In the first step of a run, which needs no checkpoint; its completions are sampled again."""
    experiment = tiny_methods.make("grpo", tiny_methods.prepare(tmp_path))
    run = tiny_methods.run_in(tmp_path / "run")
    run.checkpoints.mkdir(parents=True)
    feed_forward = layers.FeedForward.__call__
    overflow = lambda *words, **more: feed_forward(*words, **more) * jnp.inf  # noqa: E731
    monkeypatch.setattr(layers.FeedForward, "__call__", overflow)
    with unchanged(run.path):
        found = training.replay.replay(experiment, run, 1)
    assert (found.start, found.batch, found.broken) == (0, 1, None)
    assert len(found.origins) == experiment.data.batch_size and ", record " in found.origins[0]
    (part,) = found.parts
    assert part.name == "Policy" and "transformer.blocks.attention" in part.norms
    assert part.output and part.output.startswith("transformer.blocks[0].feed_forward: ")
