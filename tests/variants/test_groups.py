"""What belongs to one project stays on one worker, or each would make and train it again."""

import pytest


@pytest.mark.xdist_group("together")
def test_groups_are_kept_together(request: pytest.FixtureRequest) -> None:
    """pytest-xdist appends the group to a test's name, which some versions of pytest ignore."""
    grouped = request.config.getoption("loadgroup", default=False)
    assert request.node.nodeid.endswith("@together") == bool(grouped)
