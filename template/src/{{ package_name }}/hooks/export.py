"""The trained model as StableHLO, as soon as there is one."""

import jax

from ..training.export import export
from ..training.hook import Hook, Run


class Export(Hook):
    """Exports the model after the last step, in the run's folder ``export``; see `export`."""

    def at_end(self, run: Run) -> None:
        """Export, unless the run was interrupted."""
        if run.finished and jax.process_index() == 0:
            folder = run.directory.path / "export"
            export(run.program, run.state, run.step, folder, run.directory)
            run.report.message(f"exported: {folder}")
