"""Variations for every experiment: ``fiddler:`` finds those that `experiments.py` imports."""

import fiddle as fdl

from ..training.experiment import Evaluation, Experiment
from ..training.hook import Hook
from .ema import EMA
from .export import Export
from .profiler import Profiler


def fdr(config: fdl.Config[Experiment]) -> None:
    """Fast dev run: one step of everything, from the first batch to the export, in seconds."""
    config.loop.steps = config.loop.eval_every = config.loop.eval_batches = 1
    config.checkpoint.every = 1
    for evaluation in config.evaluations.values():
        evaluation.batches = 1
    _add(config, fdl.Config(Export))


def overfit(config: fdl.Config[Experiment], batches: int = 1) -> None:
    """Train on one batch over and over: a model that cannot learn it by heart has a fault."""
    config.loop.overfit_batches = batches


def debug_nans(config: fdl.Config[Experiment]) -> None:
    """Check every operation of the step, and stop at the first that makes a NaN; slow."""
    config.safety.debug_nans = True


def profile(config: fdl.Config[Experiment], first: int = 10, last: int = 12) -> None:
    """Record a trace of some steps, and list their costliest operations."""
    _add(config, fdl.Config(Profiler, first=first, last=last))


def ema(config: fdl.Config[Experiment], decay: float = 0.999) -> None:
    """Keep a moving average of the weights, and evaluate it too."""
    _add(config, fdl.Config(EMA, decay=decay))
    config.evaluations = {**config.evaluations, "ema": fdl.Config(Evaluation, weights="ema")}


def _add(config: fdl.Config[Experiment], hook: fdl.Config[Hook]) -> None:
    config.hooks = (*config.hooks, hook)
