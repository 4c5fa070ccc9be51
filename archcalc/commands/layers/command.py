"""`archcalc layers`: the language's layers, from the code itself."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from archcalc.cli.options import reporting
from archcalc.output.layout import Report


class _LayerType(click.ParamType):  # type: ignore[type-arg]
    name = "layer"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from archcalc.layers.registry import layers

        return [CompletionItem(name) for name in sorted(layers()) if name.startswith(incomplete)]


@click.command()
@click.argument("layer", type=_LayerType(), required=False)
@reporting
def command(layer: str | None) -> Report:
    """List the layers of the language, or show one in full.

    \b
    Examples:
      archcalc layers
      archcalc layers conv
    """
    from archcalc.commands.layers import reference

    return reference.index() if layer is None else reference.page(layer)
