"""What `programs.py` starts: a program and its checks, under limits that they cannot raise.

It runs alone in its interpreter, so it imports nothing of this package.
"""

import contextlib
import ctypes
import json
import os
import resource
import sys
from collections.abc import Mapping

_NEW_USER, _NEW_NETWORK = 0x1000_0000, 0x4000_0000  # namespaces, from Linux's sched.h


def leave_network() -> bool:
    """Move to a network of its own that leads nowhere; whether that is permitted."""
    if sys.platform != "linux":
        return False
    return ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NETWORK) == 0


def set_limits(limits: Mapping[str, int]) -> None:
    """Set the limits that this system has, for good."""
    for name, most in (
        ("CPU", limits["cpu_seconds"]),
        ("AS", limits["memory"]),
        ("FSIZE", limits["output"]),
        ("NPROC", 0),  # no more processes and threads; root may have them all the same
        ("CORE", 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def main() -> None:
    """Run what standard input holds, and write the mark behind its output if all went well."""
    given = json.load(sys.stdin)
    leave_network()
    set_limits(given["limits"])
    names = {"__name__": "__main__"}
    for part in ("program", "checks"):
        exec(compile(given[part], f"<{part}>", "exec"), names)
    if sys.__stdout__ is not None:
        sys.__stdout__.flush()
    os.write(1, given["mark"].encode())
    os._exit(0)  # whatever the program has left to be done at its end


if __name__ == "__main__":
    main()
