"""The experiment tracker: Weights & Biases.

``WANDB_MODE=offline`` keeps everything in the run's folder, for ``wandb sync`` to upload later;
``WANDB_PROJECT``, ``WANDB_NAME`` and the other variables of W&B are honoured too.
"""

import contextlib
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..files import write_atomically
from .writers import Metrics, MetricWriter

if TYPE_CHECKING:
    import wandb

# Uploads may take as long as they want, but SIGTERM is followed by SIGKILL, mostly in two minutes.
_SECONDS_FOR_UPLOADS = 60.0


class WandbWriter:
    """Writes the history of one W&B run.

    W&B counts what it is told in steps of its own, which only ascend. A run that was killed tells
    the steps after its checkpoint a second time, so the step of the training is a metric like the
    others, and all of them are plotted over it.
    """

    def __init__(self, run: "wandb.Run") -> None:
        self._run: wandb.Run | None = run
        run.define_metric("step")
        run.define_metric("*", step_metric="step")

    def write(self, step: int, metrics: Metrics) -> None:
        """Tell one step."""
        self._tell(lambda run: run.log({"step": step, **metrics}))

    def flush(self) -> None:
        """Nothing to do: what was told is with W&B's own process, whatever becomes of this one."""

    def close(self) -> None:
        """Wait for uploads; where an exception ends the run, W&B marks it as failed."""
        exit_code = 0 if sys.exception() is None else 1
        self._tell(lambda run: run.finish(exit_code=exit_code))

    def _tell(self, what: "Callable[[wandb.Run], object]") -> None:
        """Do `what`, unless W&B's process is gone: the training goes on without it.

        It dies, for instance, of a SIGTERM that SLURM sends to all processes of a job, while the
        training still has a checkpoint to save.
        """
        if self._run is None:
            return
        try:
            what(self._run)
        except ConnectionError:
            import wandb

            self._run = None
            print("the process of W&B has ended; metrics.jsonl goes on", file=sys.stderr)
            with contextlib.suppress(ConnectionError):
                wandb.teardown()


def open_tracker(directory: Path, resume_step: int, config: Mapping[str, Any]) -> MetricWriter:
    """Open the tracker of a run.

    Args:
        directory: Its folder in that of the run, after which W&B names the run.
        resume_step: The last step that stays; 0 for a run that starts from the beginning, which
            gets a W&B run of its own. A resumed one goes on with the W&B run that it had.
        config: What the run is made with.

    Raises:
        UserError: There is no W&B account on this machine, or W&B cannot be reached.
    """
    import wandb  # takes seconds, which only the process that reports has to spend

    directory.mkdir(parents=True, exist_ok=True)
    identity = directory / "run-id"
    if resume_step == 0 or not identity.exists():
        write_atomically(identity, secrets.token_hex(4))
    chosen = wandb.setup().settings
    try:
        run = wandb.init(
            project=chosen.project or __name__.partition(".")[0].replace("_", "-"),
            name=chosen.run_name or directory.absolute().parent.name,
            dir=directory,
            id=identity.read_text(encoding="utf-8"),
            resume=None if chosen.mode == "offline" else "allow",
            config=dict(config),
            allow_val_change=True,  # some fields may change when a run is resumed
            settings=wandb.Settings(finish_timeout=_SECONDS_FOR_UPLOADS),
        )
    except wandb.Error as error:
        reason = str(error).splitlines()[0].partition(". ")[0]
        raise UserError(
            f"Weights & Biases: {reason}; log in with `uv run wandb login`, "
            "or set WANDB_MODE=offline to keep the run on this machine"
        ) from error
    return WandbWriter(run)
