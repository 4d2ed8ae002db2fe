"""The catalogue of rules: one descriptor per rule, from which everything else about it derives."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .findings import Confidence, Finding, Severity, item_of

if TYPE_CHECKING:
    import ast

    from .project import Project
    from .source.module import Module

ITEMS = {
    0: "The linter itself",
    1: "All array-valued functions use jaxtyping annotations",
    2: "Shape annotations match the conventions",
    3: "Multi-GPU arrays have a leading num_gpu dimension",
    4: "Parameters initialised in float32, cast to bfloat16",
    5: "PRNG keys are never reused",
    6: "jit functions mark static arguments with static_argnames",
    7: "No Python control flow on traced values",
    8: "einsum used for multi-dimensional contractions",
    9: "Sharding uses the (model, data) mesh convention",
    10: "NaN/Inf checks in numerically sensitive operations",
    11: "Gradient norm checks in the training loop",
    12: "chex.assert_shape used for critical dimensions",
    13: "Conventions beyond the checklist",
}


PROFILES = ("bugs", "conventions")
"""The sets of rules that `select` takes by name: mistakes in any JAX code, and all rules."""

RETIRED = frozenset(
    {
        "JX303", "stack-without-devices", "JX304", "reshaped-without-devices",
        "JX404", "nothing-in-bfloat16", "JX904", "axis-name-spelled-out",
        "JX905", "mesh-unused", "JX1106", "norm-of-one-device",
    }
)  # fmt: skip
"""Rules of former releases, which settings and comments may go on naming: they cover nothing."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything there is to know about one rule; its page (`docs/<code>.md`) holds the prose.

    Attributes:
        code: `JX<item><two digits>`.
        name: What it finds, in kebab case; reads as "allow <name>".
        summary: One sentence: what it finds.
        confidences: The confidences that its findings may carry.
        severity: The severity of its findings, unless the project's settings say otherwise.
        in_tests: The least confidence that it reports in test files; None turns it off there.
        profile: "bugs" if what it finds is a mistake in any JAX code; "conventions" if it is one
            only where the conventions hold.
        fix: "safe" where `--fix` mends it, "unsafe" where an edit is only suggested, else "".
        tiers: The tiers that find it: "static", "trace" or both.
        since: The release that brought it.
        check: Finds it in one module; None for a rule of the trace tier or of the linter itself.
    """

    code: str
    name: str
    summary: str
    confidences: tuple[Confidence, ...] = (Confidence.PROVEN,)
    severity: Severity = Severity.ERROR
    in_tests: Confidence | None = None
    profile: str = "conventions"
    fix: str = ""
    tiers: tuple[str, ...] = ("static",)
    since: str = "0.2"
    check: "Check | None" = None

    @property
    def item(self) -> int:
        """The item of the checklist, 13 for conventions beyond it, 0 for the linter itself."""
        return item_of(self.code)


Check = Callable[["Module", "Project"], Iterable[Finding]]
SubjectsOf = Callable[["Module", "Project"], "Iterable[ast.AST]"]


@dataclass(frozen=True, slots=True)
class Subjects:
    """What an item of the checklist is counted over, for the coverage report.

    Attributes:
        item: The item of the checklist.
        unit: What the count says, such as "array functions annotated".
        find: Lists the subjects in one module. A subject passes when no finding of its item that
            gates lies inside it.
    """

    item: int
    unit: str
    find: SubjectsOf


_rules: dict[str, Rule] = {}
_subjects: dict[int, Subjects] = {}


def rule(code: str, name: str, summary: str, **details: Any) -> Callable[[Check], Check]:
    """Registers the decorated check; its findings are made by `Module.finding(code, …)`.

    Args:
        code: As in `Rule`, and so on.
        name: Likewise.
        summary: Likewise.
        **details: What else is not as `Rule` has it by default.
    """

    def register(check: Check) -> Check:
        declare(Rule(code, name, summary, **details, check=check))
        return check

    return register


def declare(described: Rule) -> Rule:
    """Registers a rule that no static check finds (see `Rule.check`).

    Raises:
        ValueError: The code or the name is taken.
    """
    if described.code in _rules or any(r.name == described.name for r in _rules.values()):
        raise ValueError(f"{described.code} {described.name}: the code or the name is taken")
    _rules[described.code] = described
    return described


def subjects(item: int, unit: str) -> Callable[[SubjectsOf], SubjectsOf]:
    """Registers the decorated function as what `item` is counted over in the coverage report."""

    def register(find: SubjectsOf) -> SubjectsOf:
        _subjects[item] = Subjects(item, unit, find)
        return find

    return register


@cache
def rules() -> dict[str, Rule]:
    """Returns every rule by its code, in order."""
    _load()
    return dict(sorted(_rules.items(), key=lambda pair: (item_of(pair[0]), pair[0])))


@cache
def coverage_subjects() -> dict[int, Subjects]:
    """Returns the subjects of each item of the checklist."""
    _load()
    return dict(sorted(_subjects.items()))


@cache
def names() -> dict[str, str]:
    """Returns the code of every rule by its name."""
    return {described.name: code for code, described in rules().items()}


def matching(selector: str) -> Iterator[str]:
    """Yields the codes that a selector covers.

    A selector is a profile, a code, a rule's name, an item such as `JX5` or `JX10` (an item is
    never a prefix of another one), or `JX` or `ALL`, which say the same as `conventions`.
    """
    for code, described in rules().items():
        of_rule = (code, described.name, f"JX{described.item}", described.profile)
        if selector in (*of_rule, "conventions", "ALL", "JX"):
            yield code


@cache
def _load() -> None:
    from . import rules as package

    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{found.name}")
