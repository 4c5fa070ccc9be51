"""Networks as long as a benchmark wants them."""

from __future__ import annotations


def repeated(layers: int) -> str:
    """A spec of so many layers: convolutions and activations in turn, from one block."""
    return (
        "input: [8, 16, 16]\n"
        "blocks:\n"
        "  pair():\n"
        "    - conv: {out: 8, kernel: 3, padding: 1}\n"
        "    - relu\n"
        "layers:\n"
        f"  - pair:\n    repeat: {layers // 2}\n"
    )
