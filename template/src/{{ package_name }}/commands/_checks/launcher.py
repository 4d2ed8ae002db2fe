"""Whether the environment says the same of a run's processes in all its variables."""

import socket
from collections.abc import Mapping

from .finding import Finding

_NAMES = "JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID"


def check_launcher(environment: Mapping[str, str]) -> Finding:
    """Compare what `parallel.distributed` reads with what SLURM says of the job."""
    address = environment.get("JAX_COORDINATOR_ADDRESS")
    tasks = environment.get("SLURM_NTASKS", "")
    if not address:
        if "SLURM_STEP_ID" in environment and tasks not in ("", "1"):
            said = f"each of SLURM's {tasks} tasks would train by itself: set {_NAMES} for each"
            return Finding("processes", said, "wrong")
        return Finding("processes", "one")
    host, _, port = address.rpartition(":")
    place = environment.get("JAX_PROCESS_ID", ""), environment.get("JAX_NUM_PROCESSES", "")
    if not (host and all(map(str.isdecimal, (port, *place))) and int(place[0]) < int(place[1])):
        said = f"{_NAMES} are {address!r}, {place[1]!r} and {place[0]!r}: set host:port and numbers"
        return Finding("processes", said, "wrong")
    if tasks.isdecimal() and int(tasks) != int(place[1]):
        said = f"JAX_NUM_PROCESSES is {place[1]}, but SLURM runs {tasks} tasks: set it to SLURM's"
        return Finding("processes", said, "wrong")
    try:
        socket.getaddrinfo(host.strip("[]"), int(port))
    except OSError as error:
        said = f"JAX_COORDINATOR_ADDRESS={address} cannot be looked up ({error.strerror})"
        return Finding("processes", f"{said}: give a host that all nodes know", "wrong")
    return Finding("processes", f"number {place[0]} of {place[1]}, through {address}")
