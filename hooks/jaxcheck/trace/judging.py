"""Traces a candidate in every way that its signature allows, and judges what comes of it."""

import itertools
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import jax
from flax import nnx

from ..findings import Confidence, Finding
from ..project import Project
from ..transforms.tracing import traced
from .annotations import brief
from .assertions import Mutation, silent_assertions
from .callers import called_from_traced
from .candidates import Candidate
from .effects import leaked, written
from .errors import (
    Setting,
    is_shape_error,
    is_tracer_error,
    is_type_check,
    of_broken_claim,
    of_tracer_error,
    of_type_check,
)
from .inputs import Guesser
from .oracles import half_products, key_reuse, of_key_error, unrolled
from .parameters import half_parameters
from .places import Places, finding
from .registry import Registry
from .running import BUDGET, ClaimBrokenError, Run, trace
from .sizes import Sizes, UnguessableError

_MOST_WAYS = 12  # of calling one function
_MOST_SEARCHES = 40
_NUMBER = re.compile(r"\b\d+\b")


@dataclass
class Verdict:
    """What tracing one function came to.

    Attributes:
        findings: What is wrong.
        undecided: Why it could not be traced; "" where it could.
        symbolic: Whether it was traced for all sizes at once.
        clean: Whether every way of calling it was traced without an error.
        keys: Whether JAX could check the keys in each of them.
        lines: The lines of its file that ran in clean traces.
    """

    findings: list[Finding] = field(default_factory=list)
    undecided: str = ""
    symbolic: bool = True
    clean: bool = True
    keys: bool = True
    lines: set[int] = field(default_factory=set)


class Judge:
    """Judges the candidates of one project."""

    def __init__(self, project: Project, registry: Registry) -> None:
        """Prepares what all candidates share."""
        self.project = project
        self.registry = registry
        self.places = Places(project)
        self._called = called_from_traced(project)
        self._until = 0.0

    def judge(self, candidate: Candidate, *, watch: bool) -> Verdict:
        """Traces a candidate in every way and judges the traces.

        Args:
            candidate: The function.
            watch: Record which of its lines ran.
        """
        verdict = Verdict()
        self._until = time.monotonic() + BUDGET
        setting = self._setting(candidate)
        ways: list[dict[str, int]] = [{}]
        traces = 0
        for way in ways:
            try:
                run = self._decide(candidate, setting, way, verdict)
            except UnguessableError as error:
                verdict.clean = False
                verdict.undecided = verdict.undecided or str(error)
                if not way:
                    return verdict
                continue
            if not way:
                ways += _variations(run.guesser.seen)[: _MOST_WAYS - 1]
            traces += run.error is None
            if watch and run.error is None:
                verdict.lines |= self._run(candidate, way, watch=True, raw=True).lines
        if traces or verdict.findings:
            verdict.undecided = ""
        if traces and verdict.clean and candidate.constructs is None:
            verdict.findings += silent_assertions(
                candidate, lambda mutation: self._run(candidate, {}, raw=True, mutation=mutation)
            )
        return verdict

    def _decide(
        self, candidate: Candidate, setting: Setting, way: Mapping[str, int], verdict: Verdict
    ) -> Run:
        """Traces one way of calling a candidate: with symbols, then with numbers."""
        run = self._run(candidate, way, symbolic=True)
        if run.error is None:
            self._judge_trace(candidate, setting, run, verdict)
            return run
        verdict.symbolic = False
        run = self._run(candidate, way)
        if run.error is None:
            self._judge_trace(candidate, setting, run, verdict)
            larger = self._run(candidate, way, factor=2)
            if larger.error is None and candidate.constructs is None:
                note = unrolled(candidate, run, larger, self.places)
                verdict.findings += [note] if note else []
            return run
        return self._judge_error(candidate, setting, way, run, verdict)

    def _judge_trace(
        self, candidate: Candidate, setting: Setting, run: Run, verdict: Verdict
    ) -> None:
        checked, reused = key_reuse(run, self.places)
        verdict.keys &= checked and reused is None
        verdict.findings += [reused] if reused else []
        verdict.findings += half_products(run, self.places)
        if candidate.constructs is not None:
            verdict.findings += half_parameters(candidate, run, self.places, self.project.settings)
        if setting.confidence is Confidence.PROVEN:
            verdict.findings += written(candidate, run)
            leaking = self._run(candidate, run.guesser.choices, leaks=True)
            verdict.findings += leaked(candidate, leaking)

    def _judge_error(
        self,
        candidate: Candidate,
        setting: Setting,
        way: Mapping[str, int],
        run: Run,
        verdict: Verdict,
    ) -> Run:
        """Judges a trace that failed with numbers too; one that can be mended is returned."""
        error = run.error
        assert error is not None
        found: Finding | None = None
        if is_tracer_error(error):
            found = of_tracer_error(candidate, setting, run, self.places)
        elif isinstance(error, jax.errors.KeyReuseError):
            found = of_key_error(error, self.places, None)
        elif isinstance(error, ClaimBrokenError):
            found = None if run.guesser.guessed else of_broken_claim(candidate, run)
        elif is_type_check(error) and not run.guesser.guessed:
            found = of_type_check(candidate, run, self.places)
        if found is None and not is_tracer_error(error):
            mended = self._mended(candidate, setting, way, run, verdict)
            if mended is not None:
                self._judge_trace(candidate, setting, mended, verdict)
                return mended
        verdict.clean = False
        if found is not None:
            verdict.findings.append(found)
        else:
            verdict.undecided = verdict.undecided or self._reason(run)
        return run

    def _reason(self, run: Run) -> str:
        """Returns why a trace that failed decides nothing."""
        error, guessed = run.error, run.guesser.guessed
        assert error is not None
        if guessed and (isinstance(error, ClaimBrokenError) or is_type_check(error)):
            return f"what it returns depends on `{'`, `'.join(guessed)}`, which is a guess"
        spot = self.places.of_error(error)
        where = f", in {spot.module.relative}:{spot.line}" if spot else ""
        why = "nothing shows that JAX traces it, and it needs values: "
        return (why if is_tracer_error(error) else "") + brief(error) + where

    def _mended(
        self,
        candidate: Candidate,
        setting: Setting,
        way: Mapping[str, int],
        run: Run,
        verdict: Verdict,
    ) -> Run | None:
        """Looks for sizes with which a trace succeeds: two that are equal, or a module's own."""
        assert run.error is not None
        about_sizes = isinstance(run.error, TypeError | ValueError | AssertionError)
        if not about_sizes and not is_type_check(run.error):
            return None
        attempt = self._run(candidate, way, half=True)
        if attempt.error is None:
            return attempt
        # Only sizes that the error speaks of: trying all of them takes as long as all the rest.
        told = {int(number) for number in _NUMBER.findall(str(run.error))}
        free, known = (
            [name for name, size in sizes.items() if size in told]
            for sizes in (run.sizes.free, run.sizes.known)
        )
        pairs = [{b: a} for a, b in itertools.combinations(free, 2)]
        for same in pairs[:_MOST_SEARCHES]:
            attempt = self._run(candidate, way, same=same)
            if attempt.error is None:
                exact = candidate.owner is None and not run.guesser.absent
                exact = exact and not run.guesser.guessed and not run.sizes.known
                if exact and is_shape_error(run.error, self.places):
                    verdict.findings.append(self._must_agree(candidate, run, same))
                return attempt
        if len(free) > 2:
            attempt = self._run(candidate, way, same=dict.fromkeys(free[1:], free[0]))
            if attempt.error is None:
                return attempt
        for name, own in itertools.product(free, known):
            attempt = self._run(candidate, way, same={name: own})
            if attempt.error is None:
                return attempt
        return None

    def _must_agree(self, candidate: Candidate, run: Run, same: Mapping[str, str]) -> Finding:
        ((one, other),) = same.items()
        assert run.error is not None
        message = (
            f"`{candidate.function.name}` calls two dimensions `{other}` and `{one}`, but with "
            f"{other}={run.sizes.free[other]} and {one}={run.sizes.free[one]} it fails "
            f"({brief(run.error)}); with equal sizes it does not. Give them one name, so that "
            "callers and the import hook can tell."
        )
        spot = self.places.of_error(run.error)
        related = (spot.place("it fails here"),) if spot else ()
        where = (candidate.module, candidate.function.node)
        return finding("JX210", where, message, Confidence.LIKELY, related)

    def _run(
        self,
        candidate: Candidate,
        way: Mapping[str, int],
        *,
        symbolic: bool = False,
        same: Mapping[str, str] | None = None,
        factor: int = 1,
        watch: bool = False,
        raw: bool = False,
        mutation: Mutation | None = None,
        half: bool = False,
        leaks: bool = False,
    ) -> Run:
        sizes = Sizes(self.registry.sizes, symbolic=symbolic, same=same, factor=factor)
        settings = self.project.settings
        guesser = Guesser(sizes, self.registry, settings.vocabulary, settings.mesh_axes, way, half)
        return trace(
            candidate,
            guesser,
            self.places,
            raw=raw,
            watch=watch,
            leaks=leaks,
            seconds=max(self._until - time.monotonic(), 0.01),
            mutation=mutation,
        )

    def _setting(self, candidate: Candidate) -> Setting:
        tracing = traced(self.project).get(candidate.function.node)
        if tracing is not None and (
            tracing.staged or any(site.transform.kind == "vmap" for site in tracing.sites)
        ):
            return Setting(Confidence.PROVEN, tracing)
        owner = candidate.owner
        is_call = candidate.function.name == "__call__" and owner and issubclass(owner, nnx.Module)
        if candidate.function.node in self._called or is_call:
            return Setting(Confidence.LIKELY, tracing)
        return Setting(None, tracing)


def _variations(seen: Mapping[str, int]) -> list[dict[str, int]]:
    """Returns the other ways of calling: each alternative once, the rest as before."""
    return [{path: at} for path, options in seen.items() for at in range(1, options)]
