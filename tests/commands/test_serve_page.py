"""`archcalc serve`: the page in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page
from served import SPEC, Client

_TEXT = "[...document.querySelectorAll('#text .line')].map((line) => line.words).join('\\n')"
_DRAWN = "[...document.querySelectorAll('#text .line')].map((line) => line.textContent).join('\\n')"
_SAID = (
    "[...document.querySelectorAll('#text .line')].flatMap((l, k) => l.dataset.said ? [[k + 1, l.dataset.said]] : [])"
)


@pytest.fixture
def page(chromium: Page, client: Client, opened_file: Path) -> Iterator[Page]:
    """The page of the small spec: whatever is done to it, it has no error and asks nobody but its server."""
    opened_file.write_text(SPEC, "utf-8")
    del chromium.requests[:], chromium.errors[:]
    chromium.open("about:blank")
    chromium.open(client.server.address)
    shown(chromium)
    yield chromium
    # It asks before it is left with what is not saved, which a browser without a user suppresses.
    assert [error for error in chromium.errors if "beforeunload" not in error] == []
    own = {client.server.address, *(client.server.address + path[1:] for path in client.server.site.routes)}
    assert set(chromium.requests) <= {*own, "about:blank", "data:,"}


def shown(page: Page) -> None:
    """Wait until all that was typed is answered."""
    page.wait("document.querySelector('.facts, #text [data-said]') && !('working' in document.documentElement.dataset)")


def caret(page: Page, line: int, column: int) -> None:
    """Put the caret before a column of a line, both from 1."""
    page.value(
        f"(() => {{ const line = document.querySelectorAll('#text .line')[{line - 1}].firstChild;"
        f" document.getElementById('text').focus(); document.getSelection().collapse(line, {column - 1}); }})()"
    )


def begin_with(page: Page, name: str) -> None:
    """Take a spec of the catalogue."""
    page.value(f"document.getElementById('catalogue').value = '{name}'")
    page.value("document.getElementById('catalogue').dispatchEvent(new Event('change'))")
    page.wait(f"document.title.startsWith('{name}')")
    shown(page)


def test_the_report_follows_while_one_types(page: Page) -> None:
    facts = "document.querySelector('.facts').textContent"
    assert "112" in page.value(facts)
    caret(page, 2, 22)
    page.key("Backspace")
    page.text("16")
    shown(page)
    assert page.value(_TEXT) == page.value(_DRAWN) == SPEC.replace("width: 4", "width: 16")
    # (3*3*3)*16 weights + 16 biases
    assert "448" in page.value(facts)


def test_findings_stand_below_their_lines(page: Page) -> None:
    caret(page, 5, 33)
    page.key("Backspace")
    page.text("9")
    shown(page)
    ((line, said),) = page.value(_SAID)
    assert line == 5
    assert said.startswith("error[")
    assert "9" in said
    heights = "document.querySelectorAll('#text .line')[{}].getBoundingClientRect().height"
    assert page.value(heights.format(4)) > 1.8 * page.value(heights.format(5))
    assert page.value("document.getElementById('report').classList.contains('old')")
    assert page.value("document.querySelectorAll('#report .node').length") > 0  # the last report is still there
    page.key("Control+z")
    page.key("Control+z")
    shown(page)
    assert page.value(_TEXT) == SPEC
    assert not page.value("document.getElementById('report').classList.contains('old')")
    # Nothing is wrong any more; what is suspicious is told below its line too.
    ((line, said),) = page.value(_SAID)
    assert (line, said.partition(":")[0]) == (2, "warning[unused-parameter]")


def test_f8_leads_to_the_next_finding(page: Page) -> None:
    caret(page, 8, 1)
    page.key("F8")
    line = "[...document.querySelectorAll('#text .line')].indexOf(document.getSelection().anchorNode.parentNode)"
    assert page.value(line) == 1


def test_lines_are_broken_joined_copied_and_undone(page: Page) -> None:
    caret(page, 6, 9)
    page.key("Enter")
    page.text("- flatten")
    assert page.value(_TEXT) == SPEC.replace("- relu", "- relu\n  - flatten")
    page.key("Home")
    page.key("Backspace")
    assert page.value(_TEXT) == SPEC.replace("- relu", "- relu  - flatten")
    page.key("Control+a")
    page.text("one\ntwo")
    assert page.value(_TEXT) == page.value(_DRAWN) == "one\ntwo"
    for _ in range(30):
        page.key("Control+z")
    assert page.value(_TEXT) == page.value(_DRAWN) == SPEC
    for _ in range(30):
        page.key("Control+Shift+Z")
    assert page.value(_TEXT) == page.value(_DRAWN) == "one\ntwo"


def test_parameters_are_sliders(page: Page) -> None:
    page.value("document.querySelector('input[type=range]').focus()")
    page.key("ArrowRight")
    shown(page)
    # (3*3*3)*5 weights + 5 biases, with a width of 5
    assert "140" in page.value("document.querySelector('.facts').textContent")
    assert page.value("document.getElementById('parameter-width').value") == "5"
    assert page.value("document.activeElement.type") == "range"
    page.click("#parameter-bias")
    shown(page)
    assert "135" in page.value("document.querySelector('.facts').textContent")
    page.click("#reset")
    shown(page)
    assert "112" in page.value("document.querySelector('.facts').textContent")
    assert page.value(_TEXT) == SPEC


def test_a_box_is_explained_by_the_server(page: Page) -> None:
    page.click("#report .node")
    page.wait("document.querySelector('.panel').textContent.includes('(3*3*3)*4 = 108 weights')")
    page.key("Escape")
    assert page.value("document.querySelector('.panel').hidden")


def test_what_is_unfolded_stays_so_while_one_types(page: Page) -> None:
    begin_with(page, "resnet50")
    rows = "[...document.querySelectorAll('table.tree tbody tr')].filter((row) => !row.hidden).length"
    page.value("document.querySelector('table.tree .fold').click()")
    before = page.value(rows)
    assert before > 6
    page.value("document.querySelector('.view.pan').focus()")
    page.key("+")
    transform = page.value("document.querySelector('.view svg').style.transform")
    caret(page, 5, 54)
    page.text(" ")
    shown(page)
    assert page.value(rows) == before
    assert page.value("document.querySelector('.view svg').style.transform") == transform


def test_arithmetic_stays_open_and_follows_while_one_types(page: Page) -> None:
    panel = "document.querySelector('.panel')"
    page.click("#report .node")
    page.wait(f"{panel}.textContent.includes('(3*3*3)*4 = 108 weights')")
    caret(page, 2, 22)
    page.key("Backspace")
    page.text("16")
    page.wait(f"{panel}.textContent.includes('(3*3*3)*16 = 432 weights')")
    assert not page.value(f"{panel}.hidden")
    assert page.value("document.querySelectorAll('.node.chosen').length") == 1
    caret(page, 6, 9)
    page.text("\n  - conv: {out: 2, kernel: 1}")  # another box, and the chosen one is where it was
    shown(page)
    page.wait("document.querySelectorAll('.node').length === 2")
    assert page.value("document.querySelector('.node').classList.contains('chosen')")
    caret(page, 5, 9)
    page.text("x")  # nothing is known of the layer: the last report stands, and so does what is open
    shown(page)
    assert not page.value(f"{panel}.hidden")
    page.click(".panel .close")
    page.key("Control+z")
    shown(page)
    assert page.value(f"{panel}.hidden")


def test_what_is_scrolled_sorted_and_folded_stays_so_while_one_types(page: Page) -> None:
    begin_with(page, "resnet50")
    page.click("#report .node")
    page.wait("!document.querySelector('.panel').hidden")
    page.click(".block[data-path=stage2] > text")
    page.value("document.querySelector('.panel').scrollTop = 30")
    page.value("document.querySelector('#layers .scroll').scrollLeft = 40")
    page.value("document.querySelector('#layers th:nth-child(3) button').click()")
    page.value("document.querySelector('#layers .fold').click()")
    page.value("document.getElementById('report').scrollTop = 500")
    seen = (
        "[document.querySelector('.panel').scrollTop, document.querySelector('#layers .scroll').scrollLeft,"
        " document.querySelector('#layers th:nth-child(3)').getAttribute('aria-sort'),"
        " document.querySelector('#layers tbody').innerText, document.getElementById('report').scrollTop,"
        " document.querySelector('.block[data-path=stage2]').classList.contains('folded'),"
        " document.querySelector('.view.pan svg').style.transform]"
    )
    before = page.wait(seen)
    assert before[0] == 30
    assert before[1:3] == [40, "descending"]
    first = page.value("document.querySelector('#network').firstChild")
    caret(page, 2, 1)
    page.text("# a comment")
    shown(page)
    assert page.value(_TEXT).split("\n")[1].startswith("# a comment")
    assert page.value(seen) == before, first
    # The same holds where the report is another one.
    page.value("document.querySelector('input[type=range]').focus()")
    page.key("ArrowRight")
    shown(page)
    after = page.value(seen)
    assert after[:3] + after[4:] == before[:3] + before[4:]
    assert after[3] != before[3]


def test_a_file_is_saved_by_key(page: Page, opened_file: Path) -> None:
    caret(page, 1, 15)
    page.text("very-")
    page.key("Control+s")
    page.wait("document.getElementById('said').textContent === 'saved'")
    assert opened_file.read_text("utf-8") == SPEC.replace("small", "very-small")
    opened_file.write_text("theirs", "utf-8")
    page.key("Control+s")
    page.wait("document.getElementById('said').textContent.includes('has changed on the disk')")
    assert opened_file.read_text("utf-8") == "theirs"
    page.key("Control+s")
    page.wait("document.getElementById('said').textContent === 'saved'")
    assert opened_file.read_text("utf-8") == SPEC.replace("small", "very-small")
    page.errors[:] = [each for each in page.errors if "409" not in each]  # the browser logs the refusal


def test_a_link_holds_the_spec(page: Page, client: Client) -> None:
    caret(page, 1, 15)
    page.text("linked-")
    page.value("document.querySelector('input[type=range]').focus()")
    page.key("ArrowRight")
    shown(page)
    page.click("#link")
    address = page.wait("location.hash && location.href")
    assert address.startswith(client.server.address + "#spec=")
    page.open("about:blank")
    page.open(address)
    page.wait("document.title.startsWith('linked-small')")
    assert page.value(_TEXT) == SPEC.replace("small", "linked-small")
    assert page.value("document.getElementById('parameter-width').value") == "5"


def test_a_broken_link_is_told_of(page: Page, client: Client) -> None:
    page.open("about:blank")
    page.open(client.server.address + "#spec=AAAA")
    page.wait("document.getElementById('said').textContent === 'the link holds no spec'")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 800, 1400])
def test_the_page_fits_every_width_in_both_colour_schemes(page: Page, client: Client, width: int, dark: bool) -> None:
    page.open("about:blank")
    page.open(client.server.address, width=width, dark=dark)
    shown(page)
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    paper = page.value("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(18, 22, 27)" if dark else "rgb(255, 255, 255)")
