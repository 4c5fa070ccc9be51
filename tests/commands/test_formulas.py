"""Closed formulas: the field's own, and every one against the plain analysis at points."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner
from inline import totals as figures

import archcalc
from archcalc.cli import group
from archcalc.commands.formula.answer import Formulas, formula
from archcalc.commands.formula.conditions import Constraint, conditions
from archcalc.commands.formula.formats import latex, python
from archcalc.commands.formula.simplify import simplified
from archcalc.commands.formula.tables import build
from archcalc.diagnostics.diagnostic import SpecError, UsageError
from archcalc.sizes.conditions import at_least, at_most, divides, equal
from archcalc.sizes.symbols import variable


@pytest.fixture
def spec(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "spec.yaml"
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return write


def stack(kernel: int, times: int) -> str:
    return f"""
        architecture: stack
        parameters: {{C: 64}}
        input: [C, 56, 56]
        layers:
          - conv: {{out: C, kernel: {kernel}, padding: same, bias: false}}
            repeat: {times}
        """


# --- what the lecture and the papers say


@pytest.mark.parametrize(
    ("kernel", "times", "params"),
    [(3, 3, "27*C**2"), (7, 1, "49*C**2"), (3, 2, "18*C**2"), (5, 1, "25*C**2")],
)
def test_stacks_of_small_kernels_against_large_ones(spec: Any, kernel: int, times: int, params: str) -> None:
    # VGG's argument (arXiv:1409.1556, section 2.3): 3 (3*3*C*C) = 27 C^2 < 49 C^2 = 7*7*C*C.
    made = formula(spec(stack(kernel, times)), ["C"], ["params", "macs"])
    assert str(made["params"]) == params
    assert str(made["macs"]) == f"{int(params[:2]) * 56 * 56}*C**2"
    assert [str(each) for each in made.conditions.constraints] == ["C >= 1"]


def test_resnet50_in_a_free_width() -> None:
    # 3 kinds of term: weights between two widths, a bias-free first convolution with the normalisations and the
    # classifier's 32*width*1000, and the classifier's biases.
    made = formula("resnet50", ["width"])
    assert str(made["params"]) == "5724*width**2 + 32977*width + 1000"
    assert made["params"](width=64) == 25_557_032
    assert made["macs"](width=64) == 4_089_184_256


def test_a_fully_convolutional_network_has_one_floor_for_each_spatial_size() -> None:
    macs = str(formula("resnet50", ["image"])["macs"])
    assert sorted(set(re.findall(r"\(\(image \+ \d+\)//\d+\)", macs))) == [
        "((image + 1)//2)",
        "((image + 15)//16)",
        "((image + 3)//4)",
        "((image + 31)//32)",
        "((image + 7)//8)",
    ]


def test_a_multiple_of_the_stride_gives_a_polynomial() -> None:
    made = formula("resnet50", let={"image": "32*m"})
    assert str(made["macs"]) == "83410944*m**2 + 2048000"  # 2048000 = 2048 * 1000, the classifier
    assert made["macs"](m=7) == 4_089_184_256
    assert made.free == ("m",)


def test_memory_is_fixed_and_for_each_sample() -> None:
    # Each batch normalisation keeps 8 bytes a channel once for the batch, 26,560 channels in all: 212,480 bytes.
    made = formula("resnet50", ["image"], ["saved_bytes"])["saved_bytes"]
    assert str(made).startswith("212480 + batch*(12*image**2 + ")  # the image itself is kept: 3 channels of 4 bytes
    assert str(formula("resnet50", quantities=["saved_bytes"])["saved_bytes"]) == "212480 + batch*85909504"
    # Measured with PyTorch: 86,121,984 bytes for one sample at 224, 172,031,488 for two.
    assert [made(image=224, batch=n) for n in (1, 2)] == [86_121_984, 172_031_488]


def test_memory_has_no_formula_where_storages_depend_on_the_values(spec: Any) -> None:
    # TensorFlow's padding of stride 2 is one-sided, and therefore a copy, for even images only.
    path = spec("""
        parameters: {image: 32}
        input: [3, image, image]
        layers:
          - conv: {out: 4, kernel: 3, stride: 2, padding: same}
        """)
    with pytest.raises(archcalc.UsageError, match="saved_bytes has no single formula: which tensors `conv` stores"):
        formula(path, ["image"], ["saved_bytes"])
    # Even: the copy has one position more along each axis. 3 * 4 * (2m + 1)^2 bytes.
    even = formula(path, let={"image": "2*m"}, quantities=["saved_bytes"])["saved_bytes"]
    assert even(m=16, batch=1) == 3 * 4 * 33**2
    odd = formula(path, let={"image": "2*m + 1"}, quantities=["saved_bytes"])["saved_bytes"]
    assert odd(m=16, batch=1) == 3 * 4 * 33**2  # the image itself, 33 by 33


# --- conditions


def shortest(*given: Any) -> list[str]:
    return [str(each) for each in conditions(given).constraints]


g, n, m = variable("g"), variable("n"), variable("m")


def test_a_condition_about_a_floor_becomes_one_about_the_variable() -> None:
    one = at_least("", n, 1, "")
    assert shortest(one, at_least("", (n + 31) // 32, 7, "")) == ["n >= 193"]  # 193 + 31 = 224 = 7 * 32
    assert shortest(one, at_least("", n, 11, ""), at_least("", n // 2, 3, "")) == ["n >= 11"]
    assert shortest(at_least("", 3 * n - 10, 0, "")) == ["n >= 4"]
    assert shortest(at_most("", 3 * n, 10, "")) == ["n <= 3"]
    assert shortest(one, at_least("", (n // 2) * (n // 3), 100, "")) == ["n >= 26"]  # 13 * 8 = 104, and 12 * 8 = 96


def test_divisions_are_put_together() -> None:
    assert shortest(divides("", 4, n, ""), divides("", 6, n, "")) == ["12 divides n"]
    assert shortest(divides("", 4, 2 * n, "")) == ["2 divides n"]
    assert shortest(divides("", g, n, ""), divides("", g, 4 * n, "")) == ["g divides n"]
    assert shortest(divides("", g, 16, ""), divides("", g, 32, "")) == ["g divides 16"]
    assert shortest(divides("", 8, n, ""), divides("", 2, n, ""), divides("", 2, n + 4, "")) == ["8 divides n"]


def test_an_equality_of_floors_is_a_division() -> None:
    assert shortest(equal("", 2 * (n // 2), n, "")) == ["2 divides n"]
    assert shortest(equal("", n // 2, (n - 1) // 2 + 1, "")) == ["2 divides n"]  # halving down or up is the same
    deep = [equal("", 2 * (n // (2 * k)), n // k, "") for k in (1, 2, 4, 8)]
    assert shortest(*deep) == ["16 divides n"]


def test_what_has_no_shorter_form_stays() -> None:
    assert shortest(equal("", n, m, "")) == ["n = m"]
    assert shortest(at_least("", n, m, "")) == ["n >= m"]
    assert shortest(at_least("", n, 1, ""), at_least("", m, 1, ""), at_least("", n + m, 2, "")) == ["m >= 1", "n >= 1"]


@pytest.mark.parametrize(
    "given",
    [
        [divides("", 4, n, ""), divides("", 6, n + 2, ""), at_least("", n // 3, 5, "")],
        [equal("", 2 * (n // 2), n, ""), equal("", 2 * (n // 4), n // 2, ""), at_most("", n, 50, "")],
        [divides("", g, 12, ""), divides("", g, 18, ""), at_least("", g, 1, "")],
        [divides("", g, n, ""), divides("", 2, n, ""), at_least("", g, 1, ""), at_least("", n, 1, "")],
        [equal("", n // 3, (n - 1) // 3 + 1, ""), at_least("", n - 4, 0, "")],
    ],
)
def test_the_shortest_form_says_the_same(given: list[Any]) -> None:
    known = conditions(given)
    for a in range(-5, 70):
        for b in range(-2, 20):
            values = {"n": a, "g": b}
            if b == 0 and any("g" in str(each.left) for each in given):
                continue
            plain = all(Constraint(e.relation, *map(_lift, (e.left, e.right))).holds(values) for e in given)
            assert known.hold(values) == plain, values


def _lift(size: Any) -> Any:
    return size + variable("n") - variable("n")


# --- simplification


UNET = """
    architecture: unet
    parameters: {image: 64, g: 2, c: 16}
    input: [1, image, image]
    layers:
      - conv: {out: c, kernel: 3, padding: 1, bias: false}
        as: one
      - maxpool: 2
      - conv: {out: 2 * c, kernel: 3, padding: 1, groups: g, bias: false}
        as: two
      - maxpool: 2
      - conv_transpose: {out: 2 * c, kernel: 2, stride: 2}
        as: up
      - concat: [two, up]
      - conv_transpose: {out: c, kernel: 2, stride: 2}
        as: up2
      - concat: [one, up2]
      - conv: {out: c, kernel: 7, groups: 4}
    """


def test_conditions_remove_floors(spec: Any) -> None:
    made = formula(spec(UNET), ["image"], ["macs"])
    assert [str(each) for each in made.conditions.constraints] == ["image >= 7", "4 divides image"]
    assert "//" in made["macs"].python
    assert str(made["macs"]) == "8272*image**2 - 75264*image + 225792"


@pytest.mark.parametrize("divisor", range(2, 7))
def test_a_floor_of_a_multiple_keeps_its_value(divisor: int) -> None:
    known = conditions([divides("", divisor, n, "")])
    for below in range(2, 13):
        for shift in range(12):
            floor = (n + shift) // below
            short = simplified(floor, known)
            for value in range(0, 60, divisor):
                assert short.evaluate({"n": Fraction(value)}) == (value + shift) // below, (floor, short)


def test_an_exact_quotient_is_a_fraction(spec: Any) -> None:
    made = formula(spec(UNET), ["c", "g"])
    assert str(made["params"]) == "113*c**2/2 + 18*c**2/g + 13*c"
    assert [str(each) for each in made.conditions.constraints] == ["c >= 1", "g >= 1", "4 divides c", "g divides c"]
    assert str(formula(spec(UNET), ["g"])["params"]) == "14672 + 4608/g"  # 288 * 16/g


def _points(made: Formulas, path: Any, ranges: dict[str, range]) -> int:
    """Compare formula and simplified formula with the analysis at every point; returns how many points are valid."""
    from itertools import product

    valid = 0
    for point in product(*ranges.values()):
        values = dict(zip(ranges, point, strict=True))
        try:
            totals = figures(archcalc.load(path, **values).analyse())
        except archcalc.SpecError:
            assert not made.conditions.hold(values), values
            continue
        valid += 1
        assert made.conditions.hold(values), values
        for name, each in made.formulas.items():
            assert each(**values) == getattr(totals, name)
            fractions = {key: Fraction(value) for key, value in values.items()}
            assert each.simplified.evaluate(fractions) == getattr(totals, name)
    return valid


def test_formula_and_conditions_say_what_the_analysis_says(spec: Any) -> None:
    path = spec(UNET)
    made = formula(path, ["c", "g", "image"], ["params", "macs", "flops"])
    ranges = {"c": range(-1, 14), "g": range(6), "image": range(4, 18)}
    # c in 4, 8, 12; g divides c and g < 6: {1,2,4}, {1,2,4}, {1,2,3,4}; image in 8, 12, 16.
    assert _points(made, path, ranges) == (3 + 3 + 4) * 3


def test_same_padding_and_ceil_mode_and_strides_are_exact(spec: Any) -> None:
    path = spec("""
        architecture: windows
        parameters: {image: 32, s: 2, p: 1}
        input: [3, image, image]
        layers:
          - conv: {out: 4, kernel: 3, stride: 2, padding: same}
          - maxpool: {kernel: 3, stride: 2, ceil_mode: true}
          - conv: {out: 4, kernel: 3, stride: s, padding: p}
        """)
    for free in (["image"], ["image", "p"], ["s"]):
        made = formula(path, free, ["params", "macs", "flops"])
        ranges = {"image": range(40), "s": range(1, 9), "p": range(3)}
        assert _points(made, path, {name: ranges[name] for name in free}) > 5


# --- what is asked of it


def test_structure_cannot_be_free(spec: Any) -> None:
    path = spec(stack(3, 3).replace("repeat: 3", "repeat: C"))
    with pytest.raises(archcalc.SpecError, match="structure cannot be free"):
        formula(path, ["C"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"free": ["widht"]}, "did you mean `width`?"),
        ({"quantities": ["prams"]}, "did you mean `params`?"),
        ({"quantities": ["output"]}, "output is not one number but a volume"),
        ({"let": {"image": "32*"}}, "is not a value for image"),
        ({"let": {"image": "0.5*m"}}, "is not a value for image"),
        ({"let": {"image": "m > 3"}}, "is not a value for image"),
        ({"layer": "nowhere"}, "no layer `nowhere`"),
    ],
)
def test_what_cannot_be_asked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(archcalc.UsageError, match=re.escape(message)):
        formula("resnet50", **arguments)


def test_a_layer_has_a_formula_of_its_own(spec: Any) -> None:
    path = spec(stack(3, 3))
    assert str(formula(path, ["C"], ["params"], layer="conv.2")["params"]) == "9*C**2"
    assert str(formula(path, ["C"], ["params"], layer="conv.*")["params"]) == "27*C**2"


def test_the_python_source_runs_and_latex_is_balanced(spec: Any) -> None:
    made = formula(spec(UNET), ["c", "g", "image"], ["params", "macs"])
    space: dict[str, Any] = {}
    exec("".join(python.render(build(made))), space)
    assert space["params"](c=16, g=2, image=64) == archcalc.load(spec(UNET)).figure("params")
    text = "".join(latex.render(build(made)))
    assert text.count("{") == text.count("}")
    assert r"\frac{113 \, c^{2}}{2}" in text


def test_the_command(spec: Any) -> None:
    path = str(spec(stack(3, 3)))
    run = CliRunner().invoke(group, ["formula", path, "--free", "C"])
    assert run.stdout.splitlines()[:2] == ["stack, free parameter: C", "params       27*C**2"]
    run = CliRunner().invoke(group, ["formula", path, "--free", "C", "--quantity", "params", "--format", "json"])
    data = json.loads(run.stdout)
    assert data["formulas"][0]["simplified"] == "27*C**2"
    assert data["conditions"] == [{"relation": "at_least", "left": "C", "right": "1", "text": "C >= 1"}]


def test_a_parameter_can_be_let_be_a_number(spec: Any) -> None:
    path = spec(stack(3, 3))
    assert str(formula(path, [], ["params"], let={"C": 3})["params"]) == str(27 * 9)


@pytest.mark.parametrize(
    "spec",
    [
        # 65 terms to the power of 64: 4,097 terms in the end.
        "parameters: {a: 2, b: (a + 1)**64, c: (b + 1)**64}\ninput: [1]\nlayers:\n  - linear: c\n",
        # 1,820 terms of a, b, c and d each, multiplied by the rule of a layer and not by an expression.
        "parameters: {a: 1, b: 1, c: 1, d: 1}\ninput: [1]\nlayers:\n"
        "  - linear: (a + b + c + d + 1)**12\n  - linear: (a + b + c + d + 1)**12\n",
    ],
)
def test_a_formula_that_no_one_reads_is_refused(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text(spec, encoding="utf-8")
    with pytest.raises((SpecError, UsageError), match="a formula grows too long"):
        formula(path, ["a"] if "**64" in spec else ["a", "b", "c", "d"])
