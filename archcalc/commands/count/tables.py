"""Counting profiles side by side: their figures, what each includes, and the differences in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.counting.count import FACTS, WORKS, Count, Profile, Rules, Uncounted, count
from archcalc.counting.profiles import MEMORY_FIGURES, PROFILES
from archcalc.counting.training import TrainingCost, training_cost
from archcalc.memory.setup import Setup
from archcalc.output.layout import Column, Report, Table
from archcalc.units import exact


def side_by_side(analysis: Analysis, profiles: Sequence[Profile]) -> Report:
    """The figures of some profiles for one network, per sample, and their differences in words.

    Without profiles, of all that know every layer, with figures of memory and of a training step; a profile that is
    asked for and does not is a UsageError. Differences and further counters of all would fill a screen of their own,
    and stand in the data alone.
    """
    unknown: dict[str, Uncounted] = {}
    counts = [count(profile, analysis) for profile in profiles] or _counted(PROFILES, analysis, unknown)
    memory = _counted(MEMORY_FIGURES, analysis, unknown)
    cost = training_cost(analysis, Setup())
    works = [work for work in WORKS if any(work in made.works for made in counts)]
    columns = (
        Column("profile", "profile", right=False),
        Column("figure", "figure", exact),
        Column("unit", "unit", right=False),
        *(Column(_key(work), work, exact, rank=9 - i if i else 0, breaks="-") for i, work in enumerate(works)),
    )
    rows = [
        (made.profile.name, made.figure, f"{made.profile.unit}s", *(made.works.get(work) for work in works))
        for made in counts
    ]
    pairs = [(counts[0], counts[1])] if len(counts) == 2 else [(_plain_macs(counts), made) for made in counts]
    differences = tuple(said for base, made in pairs if base is not made and (said := difference(base, made)))
    data = {
        "architecture": analysis.architecture,
        "profiles": {made.profile.name: {**_figures(made), **description(made.profile)} for made in counts},
        "quantities": {made.profile.name: {**_figures(made), **description(made.profile)} for made in memory},
        "unknown": {name: str(refused) for name, refused in unknown.items()},
        "training": _training(cost),
        "differences": list(differences),
    }
    facts: tuple[tuple[str, str], ...] = ()
    first: tuple[str, ...] = ("--counting A --counting B says in words how two profiles differ",)
    if profiles:
        first = (*differences, *(_counters(made) for made in counts if len(made.counters) > 1))
    else:
        facts = (
            *((one.profile.name, f"{exact(one.figure)} {one.profile.unit}s: {one.profile.tool}") for one in memory),
            ("training step", _sentence_of_training(cost)),
        )
    notes = (
        *first,
        *_unknown(unknown),
        "figures are for one sample; layers are taken as the modules of torch.nn, joins as operators;"
        " `archcalc count --list` says what each profile includes, and the tools' faults",
    )
    heading = f"{analysis.architecture}: counted by {len(counts)} profile{'' if len(counts) == 1 else 's'}"
    return Report(heading, facts, (Table(columns, rows),), notes, data)


def _counted(profiles: Mapping[str, Profile], analysis: Analysis, unknown: dict[str, Uncounted]) -> list[Count]:
    """The counts of all profiles that know every layer of a network; why the others do not is put into `unknown`."""
    counts = []
    for name, profile in profiles.items():
        try:
            counts.append(count(profile, analysis))
        except Uncounted as refused:
            unknown[name] = refused
    return counts


def _unknown(refused: Mapping[str, Uncounted]) -> Iterator[str]:
    """Which profiles have no figure, those that lack the same layer together."""
    of_layer: dict[tuple[str, str], list[str]] = {}
    for name, error in refused.items():
        of_layer.setdefault((error.layer, error.path), []).append(name)
    for (layer, path), names in of_layer.items():
        what = "it counts" if len(names) == 1 else "they count"
        yield f"no figure of {', '.join(names)}: what {what} for `{layer}`, as `{path}` is, is not known"


def index() -> Report:
    """Every profile: the tool, its unit, and what it includes."""
    columns = (
        Column("profile", "profile", right=False),
        Column("unit", "unit", right=False),
        Column("tool", "what prints it", right=False, rank=1, breaks=" "),
        Column("includes", "includes", right=False, rank=2, breaks=" "),
    )
    made = (*PROFILES.values(), *MEMORY_FIGURES.values())
    rows = [(profile.name, profile.unit, profile.tool, "; ".join(rules_in_words(profile))) for profile in made]
    notes = tuple(f"{profile.name}: {fault}" for profile in made for fault in profile.faults)
    data = {
        "profiles": {profile.name: description(profile) for profile in PROFILES.values()},
        "quantities": {profile.name: description(profile) for profile in MEMORY_FIGURES.values()},
    }
    return Report(
        "", (), (Table(columns, rows),), ("faults of the tools, reproduced under their names only:", *notes), data
    )


def description(profile: Profile) -> dict[str, Any]:
    """A profile as an object."""
    return {
        "unit": profile.unit,
        "tool": profile.tool,
        "rules": rules_in_words(profile),
        "faults": list(profile.faults),
        "source": profile.source,
    }


def rules_in_words(profile: Profile, kinds: Set[str] | None = None) -> list[str]:
    """What the profile counts, one sentence for each group of layers; of some kinds of layer only if they are given."""
    several = len(profile.counters) > 1
    return [
        f"{name}: {sentence}" if several else sentence
        for name, rules in profile.counters.items()
        for sentence in _sentences(rules, kinds)
    ]


def _sentences(rules: Rules, kinds: Set[str] | None) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name, facts in rules.items():
        if kinds is None or name == "*" or name.split(" ")[0] in kinds:
            groups.setdefault(_terms(facts), []).append("every layer" if name == "*" else name)
    return [f"{', '.join(names)}: {terms}" for terms, names in groups.items()]


def _terms(facts: Mapping[str, int]) -> str:
    terms = (f"{f'{times} x ' if times > 1 else ''}{FACTS[fact].words}" for fact, times in facts.items())
    return " + ".join(terms) or "nothing"


def difference(base: Count, made: Count) -> str:
    """Why one figure is not the other, by classes of work; empty if they are equal, class by class.

    A figure in FLOPs is compared with twice one in multiply-accumulates.
    """
    name, unit = made.profile.name, f"{made.profile.unit}s"
    times = 2 if unit == "FLOPs" and base.profile.unit != "FLOP" else 1
    named = f"2 x {base.profile.name}" if times == 2 else base.profile.name
    steps = {work: made.works.get(work, 0) - times * base.works.get(work, 0) for work in WORKS}
    parts = [_part(step, work, made.surplus.get(work, 0)) for work, step in steps.items() if step]
    if not parts:
        return f"{name} = {named}" if times == 2 else ""
    gap = f"{exact(made.figure - times * base.figure)} {unit}"
    return f"{name} - {named} = {gap}: {' '.join(parts).removeprefix('+ ')}"


def _part(step: int, work: str, surplus: int) -> str:
    twice = f" (of it {exact(surplus)} counted a second time)" if surplus else ""
    return f"{'+' if step > 0 else '-'} {exact(abs(step))} {work}{twice}"


def _plain_macs(counts: Sequence[Count]) -> Count:
    """What the others are compared with: the plain multiply-accumulates, where they are among them."""
    return next((made for made in counts if made.profile.name in ("archcalc", "paper", "torchvision")), counts[0])


def _figures(made: Count) -> dict[str, Any]:
    return {
        "figure": made.figure,
        "counters": made.counters,
        "operation_classes": made.works,
        "counted_twice": made.surplus,
        "counted_as_nothing": list(made.nothing),
    }


def _counters(made: Count) -> str:
    return f"{made.profile.name} has {', '.join(f'{exact(amount)} {name}' for name, amount in made.counters.items())}"


def _training(cost: TrainingCost) -> dict[str, Any]:
    return {
        "forward_macs": cost.forward,
        "backward_macs": cost.backward,
        "backward_macs_by_weights": cost.by_weights,
        "backward_macs_by_input": cost.by_input,
        "backward_macs_by_products": cost.by_products,
        "macs": cost.macs,
        "macs_with_recomputation": cost.recomputed,
    }


def _sentence_of_training(cost: TrainingCost) -> str:
    products = f", {exact(cost.by_products)} for the products of attention" if cost.by_products else ""
    return (
        f"{exact(cost.macs)} MACs: {exact(cost.forward)} forward, {exact(cost.by_weights)} for weight gradients,"
        f" {exact(cost.by_input)} for input gradients{products};"
        f" {exact(cost.recomputed)} with all activations recomputed (checkpointing)"
    )


def _key(work: str) -> str:
    return work.replace(" ", "_").replace("-", "_")
