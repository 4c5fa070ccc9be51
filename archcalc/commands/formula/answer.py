"""From a spec with free parameters to its formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archcalc import catalogue
from archcalc.analysis.interpret import interpret
from archcalc.analysis.totals import Analysis
from archcalc.commands.formula.conditions import Conditions, conditions
from archcalc.commands.formula.latex import latex
from archcalc.commands.formula.simplify import simplified
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language.expand import expand
from archcalc.language.expression import ExpressionError, compile_expression
from archcalc.layers.attributes import shown
from archcalc.memory.setup import Setup
from archcalc.quantities.registry import Part, Quantity, quantity_named, select
from archcalc.records import Record
from archcalc.sizes.kinds import is_many, is_size
from archcalc.sizes.symbols import Expression, TooLong, Undecided, lift, variable

DEFAULT_QUANTITIES = ("params", "macs")

#: The name of the number of samples in formulas of memory.
BATCH = "batch"


class Formula(Record):
    """One figure as a function of the free parameters: `exact` in whole numbers, `simplified` for reading."""

    quantity: Quantity
    exact: Expression
    simplified: Expression

    def __str__(self) -> str:
        """The simplified formula; memory as `fixed + batch*(per sample)`."""
        return self._written(str, "{} + ", "batch*", "({})")

    @property
    def latex(self) -> str:
        """The simplified formula in LaTeX."""
        return self._written(latex, "{} + ", r"\mathrm{batch} \, ", r"\left({}\right)")

    def _written(self, write: Callable[[Expression], str], fixed: str, batch: str, wrapped: str) -> str:
        parts = self.simplified.linear_in(BATCH)
        if parts is None or not parts[1].terms:
            return write(self.simplified)
        slope = write(parts[1])
        front = fixed.format(write(parts[0])) if parts[0].terms else ""
        return f"{front}{batch}{wrapped.format(slope) if len(parts[1].terms) > 1 else slope}"

    @property
    def python(self) -> str:
        """The formula as Python source, exact for whole numbers of any size."""
        return str(self.exact)

    def __call__(self, **values: Any) -> Any:
        """Its value where the free parameters have these values: ints, or arrays of integers."""
        return self.exact.evaluate(values)


class NoFormula(UsageError):
    """The formula is too long to be written."""


class Formulas:
    """The formulas of a spec: by quantity, with the conditions under which they hold.

    `free` are the names in them, `fixed` the spec's other parameters with their values, `given` those that were set
    to an expression in the free names, or have one as a default.
    """

    __slots__ = ("architecture", "conditions", "fixed", "formulas", "free", "given")

    def __init__(
        self,
        architecture: str,
        free: tuple[str, ...],
        fixed: dict[str, Any],
        given: dict[str, Expression],
        conditions: Conditions,
        formulas: dict[str, Formula],
    ) -> None:
        self.architecture = architecture
        self.free = free
        self.fixed = fixed
        self.given = given
        self.conditions = conditions
        self.formulas = formulas

    def __getitem__(self, quantity: str) -> Formula:
        return self.formulas[quantity]


def formula(
    spec: str | Path,
    free: Sequence[str] = (),
    quantities: Sequence[str] = DEFAULT_QUANTITIES,
    *,
    let: Mapping[str, str | int] | None = None,
    layer: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Formulas:
    """The exact formulas of some quantities in the free parameters: for one sample, or for `batch` samples where the
    figure does not simply grow with them (memory).

    `let` sets parameters to expressions, whose unknown names are free: `{"image": "32*m"}`. `layer` asks for a part
    of the network; `settings` are values of other parameters.
    UsageError if something named does not exist; SpecError if the spec cannot be read, or if its
    structure depends on a free parameter.

    >>> import archcalc
    >>> str(archcalc.formula("resnet50", ["width"])["params"])
    '5724*width**2 + 32977*width + 1000'
    """
    document, settings = catalogue.load(spec, settings)
    known = [parameter.name for parameter in document.parameters]
    for name in (*free, *(let or {})):
        if name not in known:
            raise document.no_parameter(name)
    images = {name: variable(name) for name in free}
    images.update({name: _read(name, str(text)) for name, text in (let or {}).items()})
    asked = {name: _asked(name, layer, bool(images)) for name in dict.fromkeys(quantities)}
    batch: Any = 1 if BATCH in known else variable(BATCH)
    try:
        analysis = Analysis(interpret(expand(document, {**settings, **images})))
        analysis.warn()
        found = conditions(each.condition for each in analysis.interpretation.open)
        made = {name: _formula(each, _part(analysis, layer, each, batch), found) for name, each in asked.items()}
    except TooLong as error:
        raise NoFormula(str(error)) from None
    parameters = analysis.network.parameters
    given = {name: value for name, value in parameters.items() if is_many(value) and value != variable(name)}
    fixed = {name: value for name, value in parameters.items() if not is_many(value)}
    names = sorted(frozenset().union(*(each.names for each in images.values())))
    return Formulas(analysis.architecture, tuple(names), fixed, given, found, made)


def _asked(name: str, layer: str | None, free: bool) -> Quantity:
    """The quantity of that name; UsageError if it has no formula."""
    return quantity_named(
        name, of="network" if layer is None else "layers", numbers=True, kinds="all" if free else "ints"
    )


def _part(analysis: Analysis, layer: str | None, asked: Quantity, batch: Any) -> Part:
    """What is asked: for one sample, or for `batch` samples where the figure does not simply grow with them."""
    setup = Setup(batch=batch if "batch" in asked.depends and asked.kinds == "all" else 1)
    return Part(analysis, setup=setup) if layer is None else select(analysis, layer, setup)


def _formula(asked: Quantity, part: Part, found: Conditions) -> Formula:
    try:
        value = asked.measure(part)
    except Undecided as error:
        raise UsageError(f"{asked.name} has no single formula: {error}") from None
    exact = lift(value) if is_size(value) else None
    if exact is None:
        raise UsageError(f"{asked.name} is not a number: it has no formula")
    return Formula(asked, exact, simplified(exact, found))


def _read(name: str, text: str) -> Expression:
    try:
        compiled = compile_expression(text)
        value = compiled.evaluate({each.text: variable(each.text) for each in compiled.names})
    except ExpressionError as error:
        raise UsageError(f"`{text}` is not a value for {name}: {error.message}") from None
    made = lift(value) if is_size(value) else None
    if made is None:
        raise UsageError(f"`{text}` is not a value for {name}: {shown(value)} is not a whole number")
    return made
