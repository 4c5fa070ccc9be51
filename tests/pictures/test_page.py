"""`-o FILE.html`: one file that asks for nothing, in which nothing of a spec can become markup."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from inline import analysed

from archcalc.api import load
from archcalc.cli import run
from archcalc.commands.report import page as report_page
from archcalc.commands.report.columns import chosen
from archcalc.commands.report.tables import build
from archcalc.output.formats import html
from archcalc.output.layout import Column, Report, Table
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
    assert [section.title for section in made] == ["network", "layers", "memory of training", "claims", "spec"]
    assert "25,557,032" in text
    assert re.search(r'class="left is-met">met<', text)
    layers = json.loads(re.search(r'class="layers">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert layers["0"][0].startswith("stem/conv_bn/conv: conv {out: 64")
    assert any("(7*7*3)*64 = 9,408" in pair[1] for pair in layers["0"][1:])


def test_rows_of_blocks_add_up_their_layers() -> None:
    network = Part(load("resnet50").analyse())
    (_, layers, *_) = report_page.sections(network, columns=chosen(["name", "params"]))
    assert isinstance(layers, report_page.Rows)
    rows = list(layers.table.rows)
    assert layers.levels is not None
    outermost = [row for row, level in zip(rows, layers.levels, strict=True) if level == 0]
    assert [row[0] for row in outermost] == ["stem", "stage1", "stage2", "stage3", "stage4", "classifier"]
    assert sum(row[1] for row in outermost) == 25_557_032


def test_a_table_without_levels_is_plain() -> None:
    column = Column("verdict", "verdict", right=False)
    text = "".join(html.render(Report("", (), (Table((column,), [("met",), ("failed",)]),), (), {})))
    assert 'class="left is-failed"' in text
    assert "class=tree" not in text


# --- in a browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

#: Runs in the page after its own script, and leaves what it found in an attribute.
_PROBE = """
const found = {errors: window.errors};
const click = (element) => element.dispatchEvent(new MouseEvent("click", {bubbles: true}));
const rows = () => [...document.querySelector("table.tree").tBodies[0].rows].filter((row) => !row.hidden);
found.folded = rows().length;
const stage = rows().find((row) => row.cells[0].textContent === "stage2");
click(stage.querySelector(".fold"));
found.unfolded = rows().map((row) => row.cells[0].textContent);
click(stage.querySelector(".fold"));
found.again = rows().length;
const heads = [...document.querySelector("table.tree").tHead.rows[0].cells];
const params = heads.findIndex((head) => head.textContent === "params");
click(heads[params].querySelector("button"));
found.sorted = rows().map((row) => row.cells[0].textContent);
found.direction = heads[params].getAttribute("aria-sort");
click(heads[params].querySelector("button"));
click(heads[params].querySelector("button"));
found.unsorted = rows().map((row) => row.cells[0].textContent);
const node = document.querySelector(".drawing:not([hidden]) .node");
node.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
found.panel = document.querySelector(".panel").textContent;
document.querySelector(".panel").dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}));
found.closed = document.querySelector(".panel").hidden;
const level = document.querySelector(".tools button[data-level='0']");
click(level);
found.boxes = document.querySelectorAll(".drawing:not([hidden]) .node").length;
const before = document.querySelector(".drawing:not([hidden]) svg").style.transform;
document.querySelector(".view.pan").dispatchEvent(new KeyboardEvent("keydown", {key: "+", bubbles: true}));
found.zoomed = before !== document.querySelector(".drawing:not([hidden]) svg").style.transform;
found.wide = document.documentElement.scrollWidth <= window.innerWidth;
document.documentElement.setAttribute("data-found", JSON.stringify(found));
"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [400, 800, 1400])
def test_a_page_works_in_a_browser(width: int, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    assert run(["report", "resnet50", "-o", str(file)]) == 0
    text = file.read_text("utf-8")
    watch = "<script>window.errors = []; addEventListener('error', (e) => errors.push(e.message));"
    watch += "addEventListener('securitypolicyviolation', (e) => errors.push(e.blockedURI));</script>"
    text = text.replace("<title>", f"{watch}<title>", 1).replace("</body>", f"<script>{_PROBE}</script></body>")
    file.write_text(text, "utf-8")
    assert CHROMIUM is not None
    page = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},900", "--virtual-time-budget=3000", "--dump-dom", file.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    written = re.search(r'data-found="([^"]*)"', page)
    assert written is not None
    found = json.loads(written[1].replace("&quot;", '"').replace("&amp;", "&"))
    assert found["errors"] == []
    blocks = ["stem", "stage1", "stage2", "stage3", "stage4", "classifier"]
    assert found["folded"] == found["again"] == len(blocks)
    at = found["unfolded"].index("stage2")
    assert found["unfolded"][at + 1 : at + 5] == [f"bottleneck.{k}" for k in (1, 2, 3, 4)]
    assert found["direction"] == "descending"
    # By parameters: 14.96 M, 7.10 M, 2.05 M, 1.22 M, 0.22 M, 9.5 K (He et al. 2015, table 1).
    assert found["sorted"] == ["stage4", "stage3", "classifier", "stage2", "stage1", "stem"]
    assert found["unsorted"] == blocks
    assert "(7*7*3)*64 = 9,408" in found["panel"]
    assert found["closed"]
    assert found["boxes"] == len(blocks)
    assert found["zoomed"]
    assert found["wide"]  # what is wider than the page scrolls inside of it
