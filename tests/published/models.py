"""Models of a table against its figures: exported, listed, checked."""

from __future__ import annotations

from pathlib import Path

from published.exported import PACKAGES, export
from published.lists import listed, of_models
from published.tally import Tally, tally


def chosen(table: str, count: int | None) -> list[str]:
    """So many models of a table, evenly spread, or all that can be compared."""
    names = list(dict.fromkeys(figure.model for figure in of_models(table)))
    return names if count is None else names[:: max(1, len(names) // count)]


def compared(table: str, names: list[str], folder: Path) -> Tally:
    """Export the models that do not lie in the folder yet, and check their figures; what PyTorch does not export is
    printed, and not compared."""
    if table not in PACKAGES:
        raise SystemExit(f"no models of {table} can be built: those of {', '.join(PACKAGES)} can")
    folder.mkdir(parents=True, exist_ok=True)
    there = {name for name in names if _is_there(table, name, folder)}
    return tally(table, as_list(table, there), folder)


def _is_there(table: str, name: str, folder: Path) -> bool:
    path = folder / f"{name}.pt2"
    try:
        if not path.exists():
            export(table, name, path)
    except Exception as error:  # whatever a model does not do on a device that computes nothing
        print(f"{name} is not exported: {type(error).__name__}: {str(error).partition(chr(10))[0][:200]}", flush=True)
    return path.exists()


def as_list(table: str, names: set[str]) -> str:
    """The text of a list of figures: those of these models, whose files lie beside it."""
    lines = [f"source: '{listed(table).source}'", "figures:"]
    for figure in of_models(table):
        if figure.model in names:
            erratum = f", erratum: '{figure.erratum}'" if figure.erratum else ""
            said = f"spec: {figure.spec}, quantity: {figure.quantity}, value: {figure.value}{erratum}"
            lines.append(f"  - {{{said}}}")
    return "\n".join([*lines, ""])
