"""What changed since an older state: the figures of each spec against those of a folder or of a saved JSON report."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

from archcalc.commands.check.run import FIGURES, Change, SpecCheck, figures
from archcalc.commands.check.targets import in_folder
from archcalc.diagnostics.diagnostic import Diagnostic, Place, SpecError, UsageError
from archcalc.units import exact


def read(old: Path) -> dict[str, dict[str, Any]]:
    """The figures of a baseline by key; UsageError if it is neither a folder of specs nor a saved JSON report."""
    if os.path.isdir(old):
        return {target.key: _figures(target.path) for target in in_folder(old)}
    try:
        saved = json.loads(old.read_text(encoding="utf-8"))
        return {str(spec["path"]): _numbers(spec["figures"]) for spec in saved["specs"]}
    except OSError as error:
        raise UsageError(f"cannot read the baseline {old}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        hint = "`archcalc check --format json --output FILE` writes one"
        raise UsageError(f"{old} is not a JSON report of `archcalc check`: {hint}") from None


def _figures(path: Path) -> dict[str, Any]:
    """The figures of a spec in its old state; none if it could not be analysed then either."""
    from archcalc.api import load

    try:
        return figures(load(path).analyse())
    except SpecError:
        return {}


def _numbers(saved: Any) -> dict[str, Any]:
    if not isinstance(saved, dict):
        raise TypeError("figures are an object")
    return {name: saved[name] for name in FIGURES if type(saved.get(name)) is int}


def need_common(checks: Iterable[SpecCheck], old: dict[str, dict[str, Any]]) -> None:
    """UsageError if no spec is in the baseline too: then nothing could ever grow."""
    keys = [each.target.key for each in checks]
    if not set(keys) & set(old):
        has = f"the baseline has `{min(old)}`" if old else "the baseline has no specs"
        raise UsageError(f"no spec that is checked is in the baseline: {has}, checked is `{min(keys)}`")


def changes(checks: Iterable[SpecCheck], old: dict[str, dict[str, Any]]) -> list[Change]:
    """Every figure that differs, spec by spec; then the specs that are gone."""
    found = []
    present = set()
    for each in checks:
        present.add(each.target.key)
        before = old.get(each.target.key, {})
        for name in FIGURES:
            if before.get(name) != each.figures.get(name):
                found.append(Change(each.target.name, name, before.get(name), each.figures.get(name)))
    for key, before in old.items():
        if key not in present:
            found += [Change(key, name, value, None) for name, value in before.items()]
    return found


def with_growth(checks: list[SpecCheck], found: list[Change], allowed: Fraction) -> list[SpecCheck]:
    """The checks with a finding for each figure that grew by more than is allowed (a share: 1/100 is one percent)."""
    grown: dict[str, list[Change]] = {}
    for change in found:
        if change.growth is not None and change.growth > allowed:
            grown.setdefault(change.spec, []).append(change)
    return [
        each._replace(growth=[_grew(each, change, allowed) for change in grown.get(each.target.name, ())])
        for each in checks
    ]


def _grew(each: SpecCheck, change: Change, allowed: Fraction) -> Diagnostic:
    message = (
        f"{change.quantity} grew by {percent(change.growth or Fraction(0))}, from {exact(change.before)} to "
        f"{exact(change.after)}: --max-growth allows {percent(allowed)}"
    )
    return Diagnostic("figure-grew", message, Place(each.source, 0, 0))


def percent(share: Fraction) -> str:
    """A change in percent with its sign, two digits after the point where it is small: +1.2%."""
    size = abs(share) * 100
    digits = 1 if size >= Fraction(1, 20) else 3
    scaled = (size * 10**digits + Fraction(1, 2)).__floor__()
    text = f"{scaled // 10**digits:,}.{scaled % 10**digits:0{digits}}".removesuffix(".0")
    return f"{'-' if share < 0 else ''}{text}%"


def sentence(found: list[Change]) -> list[str]:
    """The changes in words, a line for each spec: `vgg16: params +1.2 %, macs -3 %`."""
    by_spec: dict[str, list[Change]] = {}
    for change in found:
        by_spec.setdefault(change.spec, []).append(change)
    return [f"{spec}: {_said(group)}" for spec, group in by_spec.items()]


def _said(group: list[Change]) -> str:
    if all(change.before is None for change in group):
        return f"new, {', '.join(f'{change.quantity} {exact(change.after)}' for change in group)}"
    if all(change.after is None for change in group):
        return "no longer there, or no longer a network"
    return ", ".join(map(_one, group))


def _one(change: Change) -> str:
    if change.growth is None:
        return f"{change.quantity} {exact(change.before)} -> {exact(change.after)}"
    return f"{change.quantity} {'+' if change.growth > 0 else ''}{percent(change.growth)}"
