"""Code of completions: what it takes to pass, and the limits that it runs under."""

import os
import socket
import sys
import time

import pytest

from .project import package, post_training

programs = post_training.programs
run_checks = programs.run_checks
ADD = "def add(a, b):\n    return a + b\n"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="macOS has no such limit")


def test_what_is_run_of_a_completion():
    fenced = f"First\n```python\nx = 1\n```\nor rather\n```py\n{ADD}```\nDone."
    assert programs.find_code(fenced) == ADD
    assert programs.find_code(ADD) == ADD


def test_a_program_passes_if_its_checks_do():
    assert run_checks(ADD, "assert add(2, 2) == 4").passed
    failed = run_checks(ADD, "assert add(2, 2) == 5")
    assert not failed.passed and "AssertionError" in failed.output
    assert run_checks("print('λ')", "assert True") == (True, "λ\n")


@pytest.mark.parametrize(
    "program",
    [
        "def add(a, b:",
        "raise ValueError('wrong')",
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
    ],
)
def test_a_program_that_does_not_come_to_its_end_fails(program):
    assert not run_checks(program, "").passed


def test_time_is_limited():
    started = time.monotonic()
    limits = programs.Limits(seconds=1.0)
    assert not run_checks("import time; time.sleep(60)", "", limits).passed
    assert time.monotonic() - started < 20
    busy = run_checks("while True: pass", "", programs.Limits(seconds=60.0, cpu_seconds=1))
    assert not busy.passed
    assert time.monotonic() - started < 40


@LINUX
def test_memory_is_limited():
    outcome = run_checks("x = bytearray(2**30)", "")
    assert not outcome.passed and "MemoryError" in outcome.output


def test_output_is_limited():
    limits = programs.Limits(output=1000)
    outcome = run_checks("while True: print('x' * 100)", "", limits)
    assert not outcome.passed and len(outcome.output) <= 1000
    write = "with open('file', 'w') as file: file.write('x' * 2000)"
    assert not run_checks(write, "", limits).passed


def test_limits_cannot_be_raised():
    program = (
        "import resource\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_CPU)\n"
        "assert soft == hard == 5\n"
    )
    assert run_checks(program, "").passed


def test_nothing_is_inherited(monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    # A descriptor that would reach any other child.
    held = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(held, True)
    program = (
        "import os, sys\n"
        "assert 'SECRET' not in os.environ\n"
        "assert not os.listdir('.') and not sys.stdin.read()\n"
        f"assert {package.__name__!r} not in sys.modules\n"
        "try:\n"
        f"    os.fstat({held})\n"
        "except OSError:\n"
        "    pass\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    try:
        outcome = run_checks(program, "")
    finally:
        os.close(held)
    assert outcome == (True, "")


def test_what_a_program_starts_ends_with_it(tmp_path):
    late = f"import time; time.sleep(3); open({str(tmp_path / 'late')!r}, 'w')"
    program = (
        "import subprocess, sys\n"
        "try:\n"
        f"    subprocess.Popen([sys.executable, '-c', {late!r}])\n"
        "except OSError:\n"  # more processes are not allowed, but to root
        "    pass\n"
    )
    assert run_checks(program, "").passed
    time.sleep(4)
    assert not (tmp_path / "late").exists()


@LINUX
def test_the_network_is_cut_off_where_that_is_permitted():
    permitted = run_checks(
        "import ctypes; assert ctypes.CDLL(None).unshare(0x50000000) == 0", ""
    ).passed
    if not permitted:
        pytest.skip("this system lets no ordinary process have namespaces")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        program = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=2)"
        outcome = run_checks(program, "")
    assert not outcome.passed and "OSError" in outcome.output
