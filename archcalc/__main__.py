"""`python -m archcalc` is `archcalc`."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line; an interrupt while it is still being loaded ends it as quietly as one later."""
    gc.set_threshold(100_000)  # modules and networks are many objects that last: walking them often is in vain
    try:
        from archcalc.cli import main
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    try:
        main()
    finally:
        gc.freeze()  # all of it goes with the process: no need to walk it once more for garbage


if __name__ == "__main__":
    main()
