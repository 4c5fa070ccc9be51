"""Run commands on spoilt specs with random options: `python tests/fuzz --runs 10000`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

if __name__ == "__main__":
    from fuzz.command import main

    main()
