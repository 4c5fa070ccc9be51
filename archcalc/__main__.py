"""`python -m archcalc` is `archcalc`."""

from __future__ import annotations


def main() -> None:
    """Run the command line; an interrupt while it is still being loaded ends it as quietly as one later."""
    try:
        from archcalc.cli import main
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    main()


if __name__ == "__main__":
    main()
