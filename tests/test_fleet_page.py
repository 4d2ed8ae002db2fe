"""The page of many projects, in a real browser: it can be read, sorted and filtered by anybody."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from copier_jax.comparison import Status
from copier_jax.conformance import Conformance
from copier_jax.conventions import Conventions
from copier_jax.fleet import Examined
from copier_jax.members import Member
from copier_jax.page import page as write_page
from copier_jax.standing import Standing

from .support import browser

HOSTILE = '<script>document.title = "taken"</script><img src=x onerror=alert(1)>\u202e"\'&'
RELEASES = ("v0.9.0", "v0.10.0", "v0.11.0")
ROWS = '[...document.querySelectorAll("#table tbody tr")]'


def examined(number: int) -> Examined:
    """A project; every tenth is broken, and the linter of every seventh tells nothing."""
    member = Member(Path(f"/clones/lab-{number}"), ci=("passed", "failed", "")[number % 3])
    if number % 10 == 9:
        return Examined(member, None, "no .copier-answers.yml here")
    behind = number % 3
    standing = Standing(
        template="https://example.org/copier-jax.git",
        release=RELEASES[2 - behind],
        newest=RELEASES[2],
        releases=behind,
        days=behind * 10,
        old=Path(),
        new=Path(),
    )
    files = {f"src/lab/storage/m{n}.py": Status.EDITED for n in range(number % 12)}
    files |= {f"src/lab/training/m{n}.py": Status.BEHIND for n in range(behind * 11)}
    kept = {"item": 1, "title": "Keys are used once", "status": "pass", "passed": 3, "total": 3}
    broken = {**kept, "status": "fail", "passed": number % 3}
    known = None if number % 7 == 6 else Conventions([kept, broken], failing=number % 5)
    name = HOSTILE if number == 1 else f"Lab {number}"
    return Examined(member, Conformance(name, standing, files, known, ""))


def write(folder: Path, count: int) -> Path:
    """Writes the page of so many projects."""
    file = folder / f"{count}.html"
    file.write_text(write_page([examined(number) for number in range(count)]))
    return file


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Page]:
    """A browser."""
    program = browser.find()
    if program is None:
        pytest.skip("no Chromium here: install Debian's `chromium`")
    with browser.browser(program, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(opened: browser.Page, tmp_path: Path) -> browser.Page:
    """The page of 100 projects, just opened."""
    opened.show(1400)
    opened.open(write(tmp_path, 100))
    return opened


def cells(page: browser.Page, column: int) -> list[Any]:
    """The values in a column of the rows that are shown; None where nothing is known."""
    shown = f"{ROWS}.filter((row) => !row.hidden)"
    return page.run(f"{shown}.map((row) => row.cells[{column}].dataset.value ?? null)")


def sorted_by(page: browser.Page) -> dict[str, str]:
    """The column that says that it is sorted, and how."""
    heads = '[...document.querySelectorAll("#table thead th")]'
    stated = '.map((head) => [head.textContent.trim(), head.getAttribute("aria-sort")])'
    return {name: order for name, order in page.run(heads + stated) if order}


def test_a_hostile_name_is_only_text(page: browser.Page) -> None:
    assert page.run("document.title") == "Conformance of 100 projects"
    assert page.run("document.querySelectorAll('img').length") == 0
    assert HOSTILE in page.run(f"{ROWS}.map((row) => row.cells[0].textContent).join()")
    assert page.run("getComputedStyle(document.querySelector('bdi')).unicodeBidi") == "isolate"


def test_the_page_loads_nothing_and_says_no_error(page: browser.Page) -> None:
    asked = [e["params"] for e in page.events if e["method"] == "Network.requestWillBeSent"]
    assert [each["request"]["url"][:8] for each in asked] == ["file:///"]
    complaints = ("Log.entryAdded", "Runtime.exceptionThrown")
    assert not [event for event in page.events if event["method"] in complaints]


def test_the_policy_of_the_page_stops_a_script_that_gets_in(page: browser.Page) -> None:
    page.run("""(() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'taken'";
        document.body.append(script);
    })()""")
    assert page.run("document.title") == "Conformance of 100 projects"


def test_projects_that_need_attention_come_first(page: browser.Page) -> None:
    assert sorted_by(page) == {}
    behind = cells(page, 3)
    assert behind[:10] == [None] * 10
    assert behind[10:] == sorted(behind[10:], reverse=True)


def test_sorting_with_the_mouse(page: browser.Page) -> None:
    page.click("th:nth-child(6) button")
    assert sorted_by(page) == {"Drift": "descending"}
    drift = cells(page, 5)
    assert drift[-10:] == [None] * 10
    assert [int(each) for each in drift[:-10]] == sorted(map(int, drift[:-10]), reverse=True)
    page.click("th:nth-child(6) button")
    assert sorted_by(page) == {"Drift": "ascending"}
    assert cells(page, 5) == [*reversed(drift[:-10]), *[None] * 10], "what is not known is last"
    page.click("th:nth-child(3) button")
    assert sorted_by(page) == {"Release": "ascending"}
    assert list(dict.fromkeys(cells(page, 2))) == [*RELEASES, None], "0.10 is after 0.9"


def test_sorting_and_details_with_the_keyboard(page: browser.Page) -> None:
    page.run("document.querySelector('#state').focus()")
    page.press("Tab")  # the part that scrolls
    page.press("Tab")
    assert page.run("document.activeElement.textContent") == "Project"
    page.press("Enter")
    assert sorted_by(page) == {"Project": "ascending"}
    assert [name for name in cells(page, 0) if name][1:3] == ["Lab 0", "Lab 2"]
    page.press(" ")
    assert sorted_by(page) == {"Project": "descending"}
    for _ in range(10):
        page.press("Tab")
    assert page.run("document.activeElement.localName") == "summary"
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    opened = page.run("document.activeElement.parentElement.open")
    page.press("Enter")
    assert page.run("document.activeElement.parentElement.open") is not opened


def test_filtering(page: browser.Page) -> None:
    assert page.run("shown.textContent") == "100 of 100 projects shown"
    page.click("#filter")
    page.type("LAB-2 v0.10")
    assert page.run("shown.textContent") == "3 of 100 projects shown"
    assert set(cells(page, 2)) == {"v0.10.0"}
    page.type(" nothing")
    assert page.run("shown.textContent") == "0 of 100 projects shown"
    page.run("filter.value = ''; filter.dispatchEvent(new Event('input'))")
    page.run("state.value = 'broken'; state.dispatchEvent(new Event('change'))")
    assert page.run("shown.textContent") == "10 of 100 projects shown"
    assert set(cells(page, 1)) == {"broken"}


def test_what_a_screen_reader_is_told(page: browser.Page) -> None:
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    told = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"]
    ]
    roles = [role for role, _ in told]
    assert ("table", "Projects") in told
    assert ("table", "Projects of each release") in told
    assert {"main", "banner", "status"} <= set(roles)
    assert ("searchbox", "Filter") in told
    assert ("combobox", "State") in told
    heads = [name for role, name in told if role == "columnheader"]
    assert {"Project", "State", "Releases behind", "Drift", "Findings", "CI"} <= set(heads)
    assert roles.count("rowheader") == 100 + len(RELEASES)
    assert ("StaticText", "not known") in told


CONTRAST = """(() => {
    const parse = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
    const below = (element) => {
        for (; element; element = element.parentElement) {
            const color = parse(getComputedStyle(element).backgroundColor);
            if (color.length === 3 || color[3] > 0) return color;
        }
        return [255, 255, 255];
    };
    const found = {};
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
        if (!own || !element.checkVisibility()) continue;
        const [one, other] = [parse(getComputedStyle(element).color), below(element)].map(light);
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        const name = `${element.localName}.${element.className}`;
        found[name] = Math.min(found[name] ?? 99, ratio);
    }
    return found;
})()"""


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
def test_every_text_stands_out(page: browser.Page, mode: str) -> None:
    page.show(1400, dark=mode != "light", printed=mode == "print")
    measured = page.run(CONTRAST)
    assert len(measured) > 15
    assert {name: ratio for name, ratio in measured.items() if ratio < 4.5} == {}
    light = page.run("getComputedStyle(document.body).backgroundColor")
    assert (light == "rgb(15, 18, 22)") is (mode == "dark")


def test_on_paper(page: browser.Page) -> None:
    page.show(1100, printed=True)
    [width, height] = re.findall(rb"/MediaBox \[0 0 (\d+)\S* (\d+)", page.pdf())[0]
    assert int(width) > int(height), "many columns: the long side is the wide one"
    controls = ["filter", "state"]
    assert page.run(f"{controls}.every((id) => !document.getElementById(id).checkVisibility())")
    assert page.run(f"{ROWS}.every((row) => row.checkVisibility())")


@pytest.mark.parametrize("count", [0, 1, 3, 500])
@pytest.mark.parametrize("width", [360, 1400])
def test_any_number_on_any_screen(
    opened: browser.Page, tmp_path: Path, count: int, width: int
) -> None:
    opened.show(width)
    opened.open(write(tmp_path, count))
    assert opened.run(f"{ROWS}.length") == count
    assert opened.run("document.scrollingElement.scrollWidth") <= width, "it need not be moved"
    if count:
        opened.click("th:nth-child(1) button")
        assert sorted_by(opened) == {"Project": "ascending"}
