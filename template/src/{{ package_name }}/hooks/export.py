"""The trained model as StableHLO, as soon as there is one."""

import jax

from ..training.export import export
from ..training.hook import Hook, Run
from .calibration import Calibration, calibrated


class Export(Hook):
    """Exports the model after the last step, in the run's folder ``export``; see `export`."""

    def at_end(self, run: Run) -> None:
        """Export, unless the run was interrupted."""
        if not run.finished:
            return
        program = run.program
        for hook in program.experiment.hooks:
            if isinstance(hook, Calibration):  # whose memory is its own
                program = calibrated(program, hook.measure(program, run.state))
        if jax.process_index() == 0:
            folder = run.directory.path / "export"
            export(program, run.state, run.step, folder, run.directory)
            run.report.message(f"exported: {folder}")
