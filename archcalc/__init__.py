"""archcalc: what follows from a neural network's description, exactly, without running it.

>>> import archcalc
>>> archcalc.load("vgg16").figure("params")
138357544
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archcalc.api import Architecture, load
    from archcalc.commands.formula.answer import formula
    from archcalc.commands.solve.answer import solve
    from archcalc.commands.sweep.run import sweep, sweep_batches
    from archcalc.diagnostics.diagnostic import Diagnostic, SpecError, UsageError

__version__ = "0.1.0"
#: Where the program is described.
HOMEPAGE = "https://pypi.org/project/archcalc/"
__all__ = [
    "HOMEPAGE",
    "Architecture",
    "Diagnostic",
    "SpecError",
    "UsageError",
    "__version__",
    "formula",
    "load",
    "solve",
    "sweep",
    "sweep_batches",
]

_WHERE = {
    "Architecture": "archcalc.api",
    "load": "archcalc.api",
    "Diagnostic": "archcalc.diagnostics.diagnostic",
    "SpecError": "archcalc.diagnostics.diagnostic",
    "UsageError": "archcalc.diagnostics.diagnostic",
    "formula": "archcalc.commands.formula.answer",
    "solve": "archcalc.commands.solve.answer",
    "sweep": "archcalc.commands.sweep.run",
    "sweep_batches": "archcalc.commands.sweep.run",
}


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: the command line imports only what a command needs.
    import importlib

    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)
