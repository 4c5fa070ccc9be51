"""`-o FILE.html`: one file that asks for nothing, in which nothing of a spec can become markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import Page
from drawn import Area, drawn, faults
from inline import analysed

from archcalc.api import load
from archcalc.cli import run
from archcalc.commands.report import page as report_page
from archcalc.commands.report.columns import chosen
from archcalc.commands.report.tables import build
from archcalc.output.formats import html
from archcalc.output.layout import Column, Report, Table
from archcalc.pictures.svg import Drawing
from archcalc.quantities.registry import Part

COMMANDS = [
    ["report", "lenet5"],
    ["compare", "lenet5", "alexnet"],
    ["compare", "vgg16", "alexnet"],
    ["check", "lenet5"],
    ["memory", "lenet5"],
    ["roofline", "lenet5"],
    ["count", "lenet5"],
    ["explain", "lenet5"],
    ["layers"],
]


class Tags(HTMLParser):
    """The elements of a page: each opened one is closed, and what they refer to is kept."""

    _VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.scripts = 0
        self.handlers: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self._VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_page_is_whole_and_asks_for_nothing(command: list[str], tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    run([*command, "-o", str(file)])
    text = file.read_text("utf-8")
    tags = Tags(text)
    assert tags.open == []
    assert all(reference.startswith("#s") for reference in tags.references)
    assert not tags.handlers
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket", text)


def test_the_page_of_resnet50_is_small(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    assert run(["report", "resnet50", "-o", str(file)]) == 0
    assert file.stat().st_size < 300_000


def test_nothing_of_a_spec_becomes_markup() -> None:
    hostile = "</script></pre><script>alert(1)</script><img src=x onerror=alert(2)>"
    analysis = analysed(
        f"""
        architecture: '{hostile}'
        source: '{hostile}'
        input: [3, 8, 8]
        layers:
          - conv: {{out: 4, kernel: 3}}  # {hostile}
        expect:
          params: {{value: 112, source: '{hostile}', note: '{hostile}'}}
        """
    )
    network = Part(analysis)
    made = report_page.sections(network)
    text = "".join(html.render(build(network)._replace(sections=lambda: made)))
    tags = Tags(text)
    assert tags.open == []
    assert tags.scripts == 2  # the page's own, and the data of its layers
    assert not tags.handlers
    assert "alert(1)</script" not in text


def test_a_page_has_the_figures_of_the_report() -> None:
    network = Part(load("resnet50").analyse())
    made = list(report_page.sections(network))
    text = "".join(html.render(build(network)._replace(sections=lambda: made)))
    assert [section.title for section in made] == [
        "network",
        "distribution",
        "layers",
        "memory of training",
        "claims",
        "spec",
    ]
    assert "25,557,032" in text
    assert re.search(r'class="left is-met">met<', text)
    layers = json.loads(re.search(r'class="layers">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert layers["0"][0].startswith("stem/conv_bn/conv: conv {out: 64")
    assert any("(7*7*3)*64 = 9,408" in pair[1] for pair in layers["0"][1:])


def test_rows_of_blocks_add_up_their_layers() -> None:
    network = Part(load("resnet50").analyse())
    (_, _, layers, *_) = report_page.sections(network, columns=chosen(["name", "params"]))
    assert isinstance(layers, report_page.Rows)
    rows = list(layers.table.rows)
    assert layers.levels is not None
    outermost = [row for row, level in zip(rows, layers.levels, strict=True) if level == 0]
    assert [row[0] for row in outermost] == ["stem", "stage1", "stage2", "stage3", "stage4", "classifier"]
    assert sum(row[1] for row in outermost) == 25_557_032


def test_the_page_of_a_check_begins_with_its_result(tmp_path: Path) -> None:
    spec, file = tmp_path / "mine.yaml", tmp_path / "check.html"
    # 3*3*3*8 weights + 8 biases = 224
    text = "architecture: a\ninput: [3, 8, 8]\nlayers:\n  - conv: {out: 8, kernel: 3}\nexpect:\n  params: 225\n"
    spec.write_text(text, "utf-8")
    assert run(["check", str(spec), "-o", str(file)]) == 1
    shown = file.read_text("utf-8")
    assert "<h1>1 spec, 1 claim: 1 failed; 1 error</h1>" in shown
    assert "6 |   params: 225\n  |           ^^^ 224" in shown
    assert shown.index("<h2>findings</h2>") < shown.index(f"<h2>{spec}</h2>")
    spec.write_text(text.replace("225", "224"), "utf-8")
    assert run(["check", str(spec), "-o", str(file)]) == 0
    assert "<h1>1 spec, 1 claim: 1 met; no errors</h1>" in file.read_text("utf-8")
    assert "findings" not in file.read_text("utf-8")


def test_a_page_without_a_heading_is_named_after_its_picture(tmp_path: Path) -> None:
    file = tmp_path / "compare.html"
    assert run(["compare", "alexnet", "vgg16", "-o", str(file)]) == 0
    assert "<h1>top-5 error against MACs, circles: params</h1>" in file.read_text("utf-8")


def test_a_table_without_levels_is_plain() -> None:
    column = Column("verdict", "verdict", right=False)
    text = "".join(html.render(Report("", (), (Table((column,), [("met",), ("failed",)]),), (), {})))
    assert 'class="left is-failed"' in text
    assert "class=tree" not in text


# --- in a browser

_ROWS = "[...document.querySelector('table.tree').tBodies[0].rows].filter((row) => !row.hidden)"
_NAMES = f"{_ROWS}.map((row) => row.cells[0].textContent)"
_BLOCKS = ["stem", "stage1", "stage2", "stage3", "stage4", "classifier"]


@pytest.fixture(scope="module")
def resnet50(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the page of ResNet-50."""
    file = tmp_path_factory.mktemp("page") / "page.html"
    assert run(["report", "resnet50", "-o", str(file)]) == 0
    return file.as_uri()


@pytest.fixture
def page(chromium: Page, resnet50: str) -> Iterator[Page]:
    """The page of ResNet-50 in a browser: whatever is done to it, it has no error and asks for nothing."""
    del chromium.requests[:], chromium.errors[:]
    chromium.open(resnet50)
    yield chromium
    assert chromium.errors == []
    assert chromium.requests == [resnet50]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 800, 1400])
def test_a_page_fits_every_width_in_both_colour_schemes(page: Page, resnet50: str, width: int, dark: bool) -> None:
    page.open(resnet50, width=width, dark=dark)
    del page.requests[1:]
    assert page.value("document.documentElement.scrollWidth <= innerWidth")  # what is wider scrolls inside of it
    paper = page.value("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(18, 22, 27)" if dark else "rgb(255, 255, 255)")


def test_rows_fold_and_unfold(page: Page) -> None:
    assert page.value(_NAMES) == _BLOCKS
    page.value(f"{_ROWS}.find((row) => row.cells[0].textContent === 'stage2').querySelector('.fold').click()")
    names = page.value(_NAMES)
    at = names.index("stage2")
    assert names[at + 1 : at + 5] == [f"bottleneck.{k}" for k in (1, 2, 3, 4)]


def test_rows_are_unfolded_by_a_button(page: Page) -> None:
    rows = page.value("document.querySelector('table.tree').tBodies[0].rows.length")
    page.click("#s3 .levels button:nth-of-type(2)")
    assert page.value(_NAMES)[:4] == ["stem", "conv_bn", "relu", "maxpool"]  # one level below the outermost, no more
    page.click("#s3 .levels button:last-of-type")
    assert len(page.value(_NAMES)) == rows
    page.click("#s3 .levels button")
    assert page.value(_NAMES) == _BLOCKS
    assert page.value("document.querySelector('#s3 .levels button').getAttribute('aria-pressed')") == "true"


def test_it_is_printed_as_it_is_folded(page: Page) -> None:
    folded = page.pages()
    assert folded <= 6
    page.click("#s3 .levels button:last-of-type")
    assert page.pages() > folded


def test_rows_sort_by_a_column(page: Page) -> None:
    head = "[...document.querySelectorAll('table.tree th')].find((head) => head.textContent === 'params')"
    page.value(f"{head}.querySelector('button').click()")
    # By parameters: 14.96 M, 7.10 M, 2.05 M, 1.22 M, 0.22 M, 9.5 K (He et al. 2015, table 1).
    assert page.value(_NAMES) == ["stage4", "stage3", "classifier", "stage2", "stage1", "stem"]
    assert page.value(f"{head}.getAttribute('aria-sort')") == "descending"
    page.value(f"{head}.querySelector('button').click()")
    page.value(f"{head}.querySelector('button').click()")
    assert page.value(_NAMES) == _BLOCKS


def test_a_box_shows_its_arithmetic_by_mouse_and_by_keyboard(page: Page) -> None:
    page.click(".view .node")
    assert "(7*7*3)*64 = 9,408" in page.value("document.querySelector('.panel').textContent")
    page.key("Escape")
    assert page.value("document.querySelector('.panel').hidden")
    page.key("Enter")  # the box has the focus again
    page.wait("!document.querySelector('.panel').hidden")


def test_the_graph_moves_and_zooms(page: Page) -> None:
    transform = "document.querySelector('.view.pan svg').style.transform"
    page.value("document.querySelector('.view.pan').focus()")
    seen = [page.value(transform)]
    assert seen[0].endswith("scale(1)")  # at first its text is as large as that of the page
    for key in ("ArrowDown", "+", "ArrowLeft", "-"):
        page.key(key)
        seen.append(page.value(transform))
    assert len(set(seen)) == len(seen)
    page.value("document.querySelector('[data-zoom=\"0\"]').click()")
    size = "(({width, height}) => [width, height])(document.querySelector('{}').getBoundingClientRect())"
    (width, height), (wide, high) = (page.value(size.replace("{}", each)) for each in (".view.pan svg", ".view.pan"))
    assert width <= wide
    assert height <= high


def test_blocks_are_closed_by_a_button(page: Page) -> None:
    folded = "[...document.querySelectorAll('.block.folded')].map((node) => node.dataset.path)"
    page.click(".levels button")
    assert sorted(page.value(folded)) == sorted(
        page.value("[...document.querySelectorAll('.block')].map((node) => node.dataset.path)")
    )
    page.click(".levels button:nth-of-type(2)")
    assert all("/" in path for path in page.value(folded))
    page.click(".levels button:last-of-type")
    assert page.value(folded) == []
    assert page.value("document.querySelector('.levels button:last-of-type').getAttribute('aria-pressed')") == "true"


def test_a_block_is_folded_by_its_frame_and_unfolded_by_its_box(page: Page) -> None:
    stage = "document.querySelector('.block[data-path=stage3]').classList.contains('folded')"
    page.click(".block[data-path=stage3] > text")
    assert page.value(stage)
    assert page.value("document.activeElement.classList.contains('closed')")
    page.click(".block[data-path=stage3] > .closed")
    assert not page.value(stage)
    for expected in (True, False):
        page.key("Enter")
        assert page.value(stage) == expected


#: What a reader sees of a drawing whose blocks are folded, with the closed ones as boxes and every place written out.
_SEEN = """
(() => {
  const drawing = document.querySelector(".graph").ownerSVGElement;
  const copy = drawing.cloneNode(true);
  const move = (node, down) => {
    const own = /^translate\\(0 (-?[\\d.]+)\\)$/.exec(node.getAttribute("transform") || "");
    const by = down + (own ? Number(own[1]) : 0);
    node.removeAttribute("transform");
    if (node.hasAttribute("y")) node.setAttribute("y", Number(node.getAttribute("y")) + by);
    if (node.matches("path")) {
      const put = (_, name, numbers) => {
        const all = numbers.trim().split(/[ ,]+/).map(Number);
        if (name === "H") return `H${all[0]}`;
        return name + all.map((value, k) => name === "V" || k % 2 ? value + by : value).join(" ");
      };
      node.setAttribute("d", node.getAttribute("d").replace(/([MLHVC])([-\\d. ,]+)/g, put));
    }
    for (const child of [...node.children]) move(child, by);
  };
  for (const node of copy.querySelectorAll(".folded > :not(.closed)")) node.remove();
  for (const node of copy.querySelectorAll(".block:not(.folded) > .closed")) node.remove();
  for (const node of copy.querySelectorAll(".folded")) node.setAttribute("class", "around");
  for (const node of copy.querySelectorAll(".closed")) node.setAttribute("class", "node");
  for (const child of copy.children) move(child, 0);
  return [drawing.viewBox.baseVal.width, drawing.viewBox.baseVal.height, copy.innerHTML];
})()
"""


def _seen(page: Page) -> Drawing:
    width, height, body = page.value(_SEEN)
    return Drawing(width, height, "", "", body)


def _loose_arrows(drawing: Drawing) -> list[str]:
    """The heads of edges that touch nothing: no box, no frame."""
    it = drawn(drawing)
    areas = [area for area, _ in (*it.boxes, *it.frames)]
    tips = re.findall(r'd="M([\d.]+) ([\d.]+) ?l-[^"]*" class="arrow"', drawing.body)
    assert tips

    def touches(area: Area, x: float, y: float) -> bool:
        return Area(area.left - 1, area.top - 1, area.right + 1, area.bottom + 1).holds(Area(x, y, x, y)) and not (
            area.left + 1 < x < area.right - 1 and area.top + 1 < y < area.bottom - 1
        )

    points = [(float(x), float(y)) for x, y in tips]
    return [f"{x}, {y}" for x, y in points if not any(touches(area, x, y) for area in areas)]


@pytest.mark.parametrize(
    "name",
    ["resnet50", "googlenet", "densenet121", "inception_v4", "fractalnet20", "swin_t", "yolov3", "vit_b16"],
)
def test_folded_blocks_leave_a_readable_drawing(name: str, chromium: Page, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    assert run(["report", name, "-o", str(file)]) == 0
    chromium.open(file.as_uri())
    assert chromium.errors == []
    full = _seen(chromium)
    assert faults(full) == _loose_arrows(full) == []
    blocks = chromium.value("document.querySelectorAll('.block').length")
    toggle = (
        "document.querySelectorAll('.block').forEach((node, k) => {"
        " if (k % 5 === KEY || k % 7 === KEY) node.dispatchEvent(new MouseEvent('click', {bubbles: true})); })"
    )
    for key in range(min(4, blocks)):
        chromium.value(toggle.replace("KEY", str(key)))
        seen = _seen(chromium)
        assert faults(seen) == _loose_arrows(seen) == []
        assert seen.height <= full.height
    chromium.value("document.querySelector('.levels button').click()")
    closed = _seen(chromium)
    assert faults(closed) == _loose_arrows(closed) == []
    chromium.value("document.querySelector('.levels button:last-of-type').click()")
    assert drawn(_seen(chromium)) == drawn(full)
