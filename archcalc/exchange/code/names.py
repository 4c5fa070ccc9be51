"""Identifiers of Python for the names of a spec, whatever those hold."""

from __future__ import annotations

import keyword
import re
from collections.abc import Container

#: Longer names are cut, so that every line of code can be broken to fit.
LONGEST = 24


def identifier(name: str, reserved: Container[str], taken: Container[str] = (), otherwise: str = "layer") -> str:
    """A lower-case identifier: other characters become underscores, a `reserved` one gets one, and one that is taken a
    number."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:LONGEST].strip("_").lower() or otherwise
    if plain[0].isdigit():
        plain = f"{otherwise}_{plain}"[:LONGEST]
    if keyword.iskeyword(plain) or keyword.issoftkeyword(plain) or plain in reserved:
        plain += "_"
    return unique(plain, taken)


def class_name(name: str, taken: Container[str] = ()) -> str:
    """A name as that of a class: `conv_bn` is `ConvBn`."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    plain = "".join(word[0].upper() + word[1:] for word in words)[:LONGEST] or "Network"
    if plain[0].isdigit():
        plain = f"Network{plain}"
    if keyword.iskeyword(plain):
        plain += "Block"
    return unique(plain, taken)


def unique(name: str, taken: Container[str]) -> str:
    """The name, or the first of `name2`, `name3`, … that is not taken."""
    if name not in taken:
        return name
    stem = f"{name}_" if name[-1].isdigit() else name
    number = 2
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"
