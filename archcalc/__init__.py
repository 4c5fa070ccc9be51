"""archcalc: what follows from a neural network's description, exactly, without running it.

>>> import archcalc
>>> archcalc.load("vgg16").analyse().totals.params
138357544
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archcalc.api import Architecture, load
    from archcalc.diagnostics import Diagnostic, SpecError, UsageError
    from archcalc.formulas.make import formula
    from archcalc.solver import solve
    from archcalc.sweeps.run import sweep

__version__ = "0.1.0"
__all__ = [
    "Architecture",
    "Diagnostic",
    "SpecError",
    "UsageError",
    "__version__",
    "formula",
    "load",
    "solve",
    "sweep",
]

_WHERE = {
    "Architecture": "archcalc.api",
    "load": "archcalc.api",
    "Diagnostic": "archcalc.diagnostics",
    "SpecError": "archcalc.diagnostics",
    "UsageError": "archcalc.diagnostics",
    "formula": "archcalc.formulas.make",
    "solve": "archcalc.solver",
    "sweep": "archcalc.sweeps.run",
}


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: the command line imports only what a command needs.
    import importlib

    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)
