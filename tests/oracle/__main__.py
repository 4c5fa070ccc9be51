"""Compare archcalc with PyTorch on random networks: `python tests/oracle --seed 1 --networks 2000`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

if __name__ == "__main__":
    from oracle.command import main

    main()
