"""Starting the processes of a run that spans several hosts."""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from ..errors import UserError

_PLACE = ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
_A_MOMENT = 1.0
"""Seconds; the service needs a few milliseconds, and on a busy machine some hundred."""


def start_processes() -> None:
    """Join the other processes of this run, if there are any.

    A launcher sets ``JAX_COORDINATOR_ADDRESS`` (host:port of process 0), ``JAX_NUM_PROCESSES`` and
    ``JAX_PROCESS_ID`` for each process, and ``JAX_LOCAL_DEVICE_IDS`` where a process is not to have
    all GPUs of its host. Without an address the run has one process. Nothing is guessed from the
    variables of a cluster: half of them are also set in a shell on one of its nodes. Must be
    called before the first use of a device.

    Raises:
        UserError: There is an address, but the other variables are missing or no numbers.
    """
    address = os.environ.get("JAX_COORDINATOR_ADDRESS")
    if not address or jax.distributed.is_initialized():
        return
    try:
        processes, process = (int(os.environ[name]) for name in _PLACE)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"JAX_COORDINATOR_ADDRESS={address} is set, so {' and '.join(_PLACE)} must be numbers; "
            "set them, or unset the address to run alone"
        ) from error
    jax.distributed.initialize(address, processes, process, cluster_detection_method="deactivate")
    # JAX has no public name for the service. Without the private one, runs end as JAX ends them.
    with contextlib.suppress(ImportError, AttributeError):
        from jax._src.distributed import global_state

        if global_state.service is not None:
            global_state.service = _PatientService(global_state.service)


class _PatientService:
    """The service of process 0 that connects the processes, ended when it is at rest.

    JAX ends it as soon as the last process has said that it leaves. While the service still gets
    ready for a next message, gRPC takes that for an error and aborts the process, so that a run
    that is complete would end with SIGABRT.
    """

    def __init__(self, service: Any) -> None:
        self._service = service

    def shutdown(self) -> None:
        """End the service; JAX calls this once its processes have left."""
        time.sleep(_A_MOMENT)
        self._service.shutdown()


@contextlib.contextmanager
def failing_together() -> Iterator[None]:
    """Do something that a process may find impossible; then none of them goes on.

    The processes wait here for each other. One that left alone would leave the others waiting, and
    would itself wait for them until JAX's shutdown gives up, minutes later.

    Raises:
        UserError: Another process of the run met one.
    """
    problem = None
    try:
        yield
    except UserError as error:
        problem = error
    if jax.process_count() > 1:
        failed = multihost_utils.process_allgather(np.array(problem is not None))
        if failed.any() and problem is None:
            problem = UserError("another process of this run cannot go on; it says why")
    if problem is not None:
        raise problem
