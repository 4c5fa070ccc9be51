"""`archcalc quantities`: every figure that can be asked for by name."""

from __future__ import annotations

import click

from archcalc.cli.command import Command
from archcalc.cli.options import reporting
from archcalc.output.layout import Report

#: The kinds of size that a quantity serves, in words.
_SIZES = {"all": "numbers, arrays and symbols", "numbers": "numbers and arrays", "ints": "numbers"}


@click.command(cls=Command)
@click.argument("name", required=False)
@reporting
def command(name: str | None) -> Report:
    """List the quantities, or describe one.

    A quantity is a figure with a name: a column, a key of JSON, a key under `expect`, a bound.

    \b
    Examples:
      archcalc quantities
      archcalc quantities training_peak_bytes
    """
    from archcalc.output.layout import Column, Table
    from archcalc.quantities.registry import quantities, quantity_named

    asked = [quantity_named(name)] if name else sorted(quantities().values())
    data = [
        {
            "name": each.name,
            "unit": each.unit.name,
            "of": each.of,
            "adds_up": each.sums,
            "depends_on": list(each.depends),
            "kinds": each.kinds,
            "meaning": each.doc,
        }
        for each in asked
    ]
    columns = (
        Column("name", "quantity", right=False, breaks="_"),
        Column("unit", "unit", right=False, rank=1),
        Column("of", "of", right=False, rank=2),
        Column("meaning", "meaning", right=False, breaks=" "),
    )
    rows = [(each.name, each.unit.name, each.of, each.convention if not name else each.doc) for each in asked]
    if name:
        (one,) = asked
        facts = (
            ("unit", one.unit.name),
            ("of", {"any": "a network, or some of its layers", "network": "a whole network"}.get(one.of, "layers")),
            ("adds up", "over layers" if one.sums else "no"),
            ("depends on", ", ".join(one.depends) or "nothing of the setup"),
            ("sizes", _SIZES[one.kinds]),
            ("meaning", one.doc),
        )
        return Report(one.name, facts, (), (), data[0], Table(columns, rows))
    return Report("", (), (Table(columns, rows),), (), {"quantities": data})
