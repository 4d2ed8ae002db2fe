"""The pages of the rules: Markdown beside the code."""

from pathlib import Path

from ..catalogue import ITEMS, Rule

FOLDER = Path(__file__).parents[1] / "docs"


def page(rule: Rule) -> str:
    """Returns the page of a rule; empty if there is none."""
    try:
        return (FOLDER / f"{rule.code}.md").read_text("utf-8")
    except FileNotFoundError:
        return ""


def explanation(rule: Rule) -> str:
    """Returns the page of a rule under a line made of its descriptor."""
    _, _, rest = page(rule).partition("\n")
    facts = [
        f"{rule.item}: {ITEMS[rule.item]}",
        str(rule.severity),
        " or ".join(rule.confidences),
        f"found by the {' and the '.join(rule.tiers)} tier",
        *([f"{rule.fix} fix"] if rule.fix else []),
        f"in the profile {rule.profile}",
        f"since {rule.since}",
    ]
    body = rest.strip() or rule.summary
    return f"# {rule.code} {rule.name}\n\n{' · '.join(facts)}\n\n{body}\n"
