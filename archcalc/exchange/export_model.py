"""A model that a Python function builds, exported by PyTorch in a process of its own: the one reader that runs code."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from archcalc.diagnostics.diagnostic import UsageError

#: `package.module:callable`, both with dots.
_NAMED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z", re.ASCII)
#: The exit code of a process that has no PyTorch.
_WITHOUT = 7

#: What the process runs: the function is called on the meta device, where no weights are made.
_SCRIPT = f"""
import importlib, sys
try:
    import torch
except ImportError:
    sys.exit({_WITHOUT})
module, _, names = sys.argv[1].partition(":")
shape, path = [int(size) for size in sys.argv[2].split(",")], sys.argv[3]
sys.path.insert(0, "")
build = importlib.import_module(module)
for name in names.split("."):
    build = getattr(build, name)
with torch.device("meta"):
    model = build()
model = model.to("meta").eval()
program = torch.export.export(model, (torch.empty(2, *shape, device="meta"),))
torch.export.save(program, path)
"""


def is_callable(text: str) -> bool:
    """Whether a text names a function in a module: `torchvision.models:resnet50`."""
    return _NAMED.match(text) is not None


def export(named: str, shape: tuple[int, ...], folder: Path) -> Path:
    """Build a model by calling a function without arguments, and export it for a batch of 2 into a folder.

    UsageError if PyTorch is not installed beside archcalc, or with the last line of what the process says.
    """
    path = folder / f"{named.rpartition(':')[2].rpartition('.')[2]}.pt2"
    sizes = ",".join(map(str, shape))
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, named, sizes, str(path)], capture_output=True, text=True, errors="replace"
    )
    if done.returncode == _WITHOUT:
        raise UsageError("this needs PyTorch beside archcalc: pip install torch")
    if done.returncode or not path.exists():
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise UsageError(f"{named} could not be exported: {lines[-1] if lines else 'the process ended'}")
    return path


def exported(named: str, shape: tuple[int, ...], *, partial: bool = False) -> list[str]:
    """A model that a function builds, as the lines of a spec; `partial` leaves out operations that are not known."""
    from archcalc.exchange import folded

    with tempfile.TemporaryDirectory() as folder:
        path = export(named, shape, Path(folder))
        return list(folded(path, named, partial=partial))
