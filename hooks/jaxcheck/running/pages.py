"""The pages of the rules: Markdown beside the code, in a folder or in an archive."""

import pkgutil

from ..catalogue import ITEMS, Rule

PACKAGE = __name__.partition(".")[0]


def page(rule: Rule) -> str:
    """Returns the page of a rule; empty if there is none."""
    try:
        return (pkgutil.get_data(PACKAGE, f"docs/{rule.code}.md") or b"").decode()
    except OSError:
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
