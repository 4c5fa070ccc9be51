"""Identifiers of Python for the names of a spec, whatever those hold."""

from __future__ import annotations

import keyword
import re
from collections.abc import Container

#: Longer names are cut, so that every line of code can be broken to fit.
LONGEST = 24

#: What an nn.Module has already: a member of that name would break it.
OF_A_MODULE = frozenset(
    [
        "T_destination",
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    ]
)

#: What the code itself uses.
OF_THE_CODE = frozenset(
    {"block", "functional", "i", "len", "max", "min", "nn", "range", "self", "sum", "super", "torch"}
)


def identifier(name: str, taken: Container[str] = (), otherwise: str = "layer") -> str:
    """A lower-case identifier: other characters become underscores, and one that is taken gets a number."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:LONGEST].strip("_").lower() or otherwise
    if plain[0].isdigit():
        plain = f"{otherwise}_{plain}"[:LONGEST]
    if keyword.iskeyword(plain) or keyword.issoftkeyword(plain) or plain in OF_A_MODULE or plain in OF_THE_CODE:
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
