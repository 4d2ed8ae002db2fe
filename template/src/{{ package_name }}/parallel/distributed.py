"""Starting the processes of a run that spans several hosts."""

import os

import jax


def start_processes() -> None:
    """Join the other processes of this run, if there are any.

    A launcher sets ``JAX_COORDINATOR_ADDRESS`` (host:port of process 0), ``JAX_NUM_PROCESSES`` and
    ``JAX_PROCESS_ID`` for each process. Without them the run has one process. Must be called before
    the first use of a device.
    """
    address = os.environ.get("JAX_COORDINATOR_ADDRESS")
    if address and not jax.distributed.is_initialized():
        jax.distributed.initialize(
            coordinator_address=address,
            num_processes=int(os.environ["JAX_NUM_PROCESSES"]),
            process_id=int(os.environ["JAX_PROCESS_ID"]),
        )
