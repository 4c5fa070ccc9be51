"""Search spaces: architectures that are expanded together have the figures, and break the rules, that they do alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from typing import Any

import inline
import numpy
import pytest

from archcalc.commands.sweep.query import Query
from archcalc.commands.sweep.reasons import reason_of
from archcalc.commands.sweep.space import Inseparable, Space
from archcalc.commands.sweep.values import axis
from archcalc.diagnostics.diagnostic import Source, SpecError
from archcalc.language.expand import Expansion
from archcalc.language.read import read_document
from archcalc.quantities.registry import Part, quantities

LOCAL = [quantity for quantity in quantities().values() if quantity.local]


def together(text: str, over: dict[str, Iterable[int]]) -> tuple[dict[str, Any], Any, Counter[str]]:
    over = {name: list(values) for name, values in over.items()}
    document = read_document(Source("spec.yaml", text), Path("spec.yaml"))
    places = numpy.array(list(numpy.ndindex(*map(len, over.values())))).T
    axes = [axis(name, values) for name, values in over.items()]
    return Space(Query(document, {}, LOCAL)).figures(axes, dict(zip(over, places, strict=True)))


COPIES = """
parameters: {n: 2, m: 2, width: 4, drop: 0.1}
input: [4, 16, 16]
layers:
  - conv: {out: width, kernel: 3, padding: 1}
    repeat: n
"""


@pytest.mark.parametrize(
    ("text", "over"),
    [
        (COPIES, {"n": range(-1, 6)}),
        (COPIES, {"n": range(4), "width": [2, 4]}),
        (COPIES + "  - maxpool: 2\n    repeat: m\n  - linear: 3\n", {"n": [3, 0, 1], "m": range(7)}),
        (COPIES + "  - conv: {out: 2 + i, kernel: 1}\n    repeat: {i: n * m}\n", {"n": range(4), "m": range(3)}),
        # A copy reads what decides how many there are, or what decides how many blocks are around it.
        (COPIES + "  - conv: {out: n, kernel: 3}\n    repeat: n\n", {"n": range(9)}),
        (COPIES + "  - dropout: drop * i * n\n    repeat: {i: n}\n", {"n": range(5), "m": [1, 2]}),
        (
            COPIES + "  - b: n\n    repeat: n\nblocks:\n  b(k):\n    - conv: {out: k, kernel: 1}\n      repeat: m\n",
            {"n": range(5), "m": range(3)},
        ),
        (
            COPIES + "  - b:\n    repeat: n\nblocks:\n  b:\n    - conv: {out: m, kernel: 1}\n      repeat: m\n",
            {"n": range(4), "m": range(4)},
        ),
        # Copies have names, which stand for others where there are fewer.
        (
            COPIES.replace("repeat", "as: deep\n    repeat") + "  - add: [deep.1, deep]\n  - add: [deep.3, deep]\n",
            {"n": range(5)},
        ),
        (
            COPIES + "  - conv: {out: 4, kernel: 1}\n    as: late\n    repeat: n - 1\n  - concat: [late, input]\n",
            {"n": range(4)},
        ),
        (
            "parameters: {n: 1, on: true}\ninput: [4, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 3}\n    as: a\n"
            "    repeat: n\n    when: n != 2\n  - conv: {out: 4, kernel: 3}\n    from: a\n",
            {"n": range(5)},
        ),
        # Weights that layers share are counted once, in copies too.
        (
            "parameters: {n: 2, m: 1}\ninput: [4, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 1}\n    weights: w\n"
            "  - conv: {out: 4, kernel: 1}\n    weights: w\n    repeat: n\n  - conv: {out: 4, kernel: m}\n"
            "  - conv: {out: 4, kernel: 1}\n    weights: w\n",
            {"n": range(4), "m": [1, 3]},
        ),
        (
            "parameters: {n: 2, m: 1}\ninput: [4, 8, 8]\nlayers:\n  - conv: {out: m, kernel: 1}\n    weights: w\n"
            "  - conv: {out: 4, kernel: 1}\n  - conv: {out: m, kernel: 1, bias: true}\n    weights: v\n    repeat: n\n",
            {"n": range(2), "m": range(1, 5)},
        ),
    ],
)
def test_architectures_together_are_as_each_alone(text: str, over: dict[str, Iterable[int]]) -> None:
    columns, valid, reasons = together(text, over)
    alone: Counter[str] = Counter()
    for number, point in enumerate(product(*over.values())):
        try:
            part = Part(inline.analysed(text, **dict(zip(over, point, strict=True))))
        except SpecError as error:
            alone[reason_of(error)] += 1
            assert not valid[number], point
        else:
            assert valid[number], point
            found = {quantity.name: columns[quantity.name][number] for quantity in LOCAL}
            assert found == {quantity.name: quantity.measure(part) for quantity in LOCAL}, point
    assert reasons == alone


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        ("conv: {out: 4, kernel: m}", "`weight` is shared otherwise by some"),
        ("conv: {out: 4, kernel: 1}\n    trainable: m < 2", "`weight` is shared otherwise by some"),
        ("conv: {out: 4, kernel: 1}\n    when: m < 2", "`weight` is shared otherwise by some"),
    ],
)
def test_weights_that_some_share_otherwise_are_not_told_apart(shared: str, message: str) -> None:
    one, always = f"  - {shared}\n    weights: w\n", "  - conv: {out: 4, kernel: 1}\n    weights: w\n"
    text = f"parameters: {{m: 1}}\ninput: [4, 8, 8]\nlayers:\n{one}{always}"
    with pytest.raises(Inseparable, match=message):
        together(text, {"m": [1, 3]})


def test_a_copy_is_expanded_once_for_all_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    expanded: list[str] = []
    plain = Expansion.layer

    def counted(self: Expansion, step: Any, layer: Any, *rest: Any) -> int:
        expanded.append(layer.name)
        return plain(self, step, layer, *rest)

    monkeypatch.setattr(Expansion, "layer", counted)
    columns, _, _ = together(COPIES, {"n": range(1, 101)})
    assert expanded == ["conv"] * 100
    assert columns["params"].tolist() == [148 * n for n in range(1, 101)]


@pytest.mark.parametrize(
    ("limit", "most", "size"),
    [
        ("MAX_LAYERS", 20, lambda n, m: n + 1 + m),
        ("MAX_STEPS", 21, lambda n, m: n + 1 + max(m, 1)),  # a step with no copies is read too
    ],
)
def test_depths_beyond_the_largest_network_are_not_valid(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int, size: Callable[[int, int], int]
) -> None:
    for module in ("language.expand", "language.budget", "commands.sweep.space"):
        monkeypatch.setattr(f"archcalc.{module}.{limit}", most, raising=False)
    text = COPIES + "  - relu\n  - conv: {out: 4, kernel: 1}\n    repeat: m\n"
    over = {"n": [2, 90, 17, 19, 20], "m": [1, 0, 4]}
    columns, valid, reasons = together(text, over)
    fitting = [point for point in product(*over.values()) if size(*point) <= most]
    assert columns["params"][valid].tolist() == [n * 148 + m * 20 for n, m in fitting]
    assert sum(reasons.values()) == 15 - len(fitting)
    assert all(each.startswith("too-many-layers: ") for each in reasons)
