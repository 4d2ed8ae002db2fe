"""What may befall the process of a run."""

import signal
import time
from collections.abc import Callable
from random import Random

from .victim import Victim

Blow = Callable[[Random, Victim, float], str]
"""Starts a run and strikes; says when. The number is how many seconds a run takes."""


def kill(random: Random, victim: Victim, seconds: float) -> str:
    """At any moment."""
    return _at_any_moment(random, victim, seconds, signal.SIGKILL)


def terminate(random: Random, victim: Victim, seconds: float) -> str:
    """At any moment, as a cluster does."""
    return _at_any_moment(random, victim, seconds, signal.SIGTERM)


def interrupt(random: Random, victim: Victim, seconds: float) -> str:
    """At any moment, as Ctrl-C does."""
    return _at_any_moment(random, victim, seconds, signal.SIGINT)


def kill_in_a_save(random: Random, victim: Victim, seconds: float) -> str:
    """As soon as the folder of a checkpoint is there that is not complete."""
    victim.start()
    victim.wait_for(lambda: any(victim.path.glob("checkpoints/*.orbax-checkpoint-tmp*")))
    time.sleep(random.random() * 0.05)
    victim.signal(signal.SIGKILL)
    victim.finish()
    return "while a checkpoint is written"


def kill_after_a_save(random: Random, victim: Victim, seconds: float) -> str:
    """As soon as there is one more checkpoint."""
    before = victim.saved
    victim.start()
    victim.wait_for(lambda: bool(victim.saved - before))
    victim.signal(signal.SIGKILL)
    victim.finish()
    return "right after a checkpoint"


def freeze(random: Random, victim: Victim, seconds: float) -> str:
    """For longer than the watchdog waits."""
    victim.start("loop.hang_seconds=3", "loop.end_when_hung=True")
    moment = _wait(random, victim, seconds)
    victim.signal(signal.SIGSTOP)
    time.sleep(4)
    victim.signal(signal.SIGCONT)
    victim.finish()
    return f"for 4 s after {moment:.2f} s"


def fill_the_disk(random: Random, victim: Victim, seconds: float) -> str:
    """So that metrics can still be written, but no checkpoint."""
    victim.start("checkpoint.on_failure=stop")
    moment = _wait(random, victim, seconds)
    victim.fill_the_disk(1 << 16)
    victim.finish()
    return f"after {moment:.2f} s"


BLOWS: tuple[Blow, ...] = (
    *(kill, kill, terminate, interrupt, kill_in_a_save, kill_after_a_save),
    *(freeze, fill_the_disk),
)


def _at_any_moment(random: Random, victim: Victim, seconds: float, number: signal.Signals) -> str:
    victim.start()
    moment = _wait(random, victim, seconds)
    victim.signal(number)
    victim.finish()
    return f"after {moment:.2f} s"


def _wait(random: Random, victim: Victim, seconds: float) -> float:
    """Waits for any moment of a run, or for the end of the process."""
    moment = random.uniform(0, seconds)
    end = time.monotonic() + moment
    victim.wait_for(lambda: time.monotonic() > end)
    return moment
