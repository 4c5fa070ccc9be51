"""The command: networks by number, a line for each that parts, and a summary; smallest specs with `--shrink`.

    python tests/oracle --seed 1 --networks 2000
    python tests/oracle --networks 500 --dtype bfloat16 --shrink
    python tests/oracle --catalogue
    python tests/oracle --exported
    python tests/oracle --circle
    python tests/oracle --counters --networks 500
    python tests/oracle --keras
    python tests/oracle --spec my.yaml --dtype amp

Case number N is the same network on every machine. Needs tests/oracle/requirements.txt.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

import torch
from oracle.catalogue import small_networks
from oracle.counters import askable, counted, known
from oracle.exported import of_code, of_export, of_spec, with_other_arguments
from oracle.figures import Figures, Question
from oracle.generate import Case, network, random_case
from oracle.judge import Verdict, judged, verdict
from oracle.known import KNOWN, class_of
from oracle.measure import DTYPES
from oracle.shrink import described, shrunk

import archcalc
from archcalc import catalogue
from archcalc.analysis.interpret import interpret
from archcalc.analysis.totals import Analysis
from archcalc.diagnostics.diagnostic import SpecError


def main() -> None:
    """Run it. Exit code 1 if a network parts in a way that no known class explains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="number of the first case")
    parser.add_argument("--networks", type=int, default=200, help="how many cases")
    parser.add_argument("--dtype", choices=[*DTYPES, "all"], default="float32")
    parser.add_argument("--shrink", action="store_true", help="print the smallest spec of each way to part")
    parser.add_argument("--catalogue", action="store_true", help="the catalogue's small networks instead")
    parser.add_argument("--exported", action="store_true", help="the code that is exported of the whole catalogue")
    parser.add_argument("--circle", action="store_true", help="that code, exported by PyTorch and read again")
    parser.add_argument("--counters", action="store_true", help="counting profiles beside the tools, on such networks")
    parser.add_argument("--keras", action="store_true", help="the same code for Keras, by its own count of parameters")
    parser.add_argument("--spec", help="one spec instead: a path or a catalogue name")
    parser.add_argument("--batch", type=int, default=2, help="of --spec and --catalogue")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.exported or given.circle:
        sys.exit(0 if exported_catalogue(again=given.circle) else 1)
    if given.counters:
        sys.exit(0 if counting_tools(range(given.seed, given.seed + given.networks)) else 1)
    if given.keras:
        sys.exit(0 if keras_catalogue() else 1)
    question = Question(given.batch, "float32" if given.dtype == "all" else given.dtype)
    if given.spec or given.catalogue:
        names = [given.spec] if given.spec else small_networks()
        for name in names:
            print(f"{name}: {told(judged(interpret(archcalc.load(name).expand()), question))}", flush=True)
        return
    dtypes = tuple(DTYPES) if given.dtype == "all" else (given.dtype,)
    sys.exit(0 if random_networks(range(given.seed, given.seed + given.networks), dtypes, shrink=given.shrink) else 1)


def exported_catalogue(*, again: bool) -> bool:
    """Write the code of every spec of the catalogue, and run it, or export it and read the archive `again`, and fold
    it; False if one is another network. What the reader of archives refuses is said, in its words."""
    said: Counter[str] = Counter()
    for name in catalogue.names():
        analysis = archcalc.load(name).analyse()
        ours = of_spec(analysis)
        try:
            theirs = (of_export(analysis), of_export(analysis, fold=True)) if again else (of_code(analysis),)
        except SpecError as refused:
            said["refused"] += 1
            print(f"{name}: {refused}", flush=True)
            continue
        others = [] if again else with_other_arguments(analysis)
        agrees = all(each == ours for each in theirs) and all(wanted == made for _, _, wanted, made in others)
        said["agree" if agrees else "differ"] += 1
        print(f"{name}: {'agrees' if agrees else f'{ours} / {theirs}, {others}'}", flush=True)
    print(", ".join(f"{count} {word}" for word, count in said.items()))
    return not said["differ"]


def counting_tools(numbers: range) -> bool:
    """Hold the counting profiles against their tools on the cases of these numbers; False if one parts in no known
    way."""
    agree: Counter[str] = Counter()
    differ: Counter[str] = Counter()
    for number in numbers:
        analysis = Analysis(network(random_case(number).spec))
        for each in counted(analysis) if askable(analysis) else ():
            agree[each.profile] += each.agrees
            differ[each.profile] += not each.agrees
            if not each.agrees and not known(analysis, each.profile):
                differ["UNKNOWN"] += 1
                print(f"{number} {each.profile}: {each.ours} / {each.theirs}", flush=True)
    for name, count in agree.items():
        print(f"{name:20} {count:6,} agree, {differ[name]:4,} differ")
    return not differ["UNKNOWN"]


def keras_catalogue() -> bool:
    """Write the code for Keras of every spec of the catalogue, and run it with its own arguments and with others; False
    if one is another network. What Keras cannot say is said."""
    from oracle import keras_code

    said: Counter[str] = Counter()
    for name in catalogue.names():
        analysis = archcalc.load(name).analyse()
        try:
            others = keras_code.with_other_arguments(analysis)
        except SpecError as refused:
            said["refused"] += 1
            print(f"{name}: {refused}", flush=True)
            continue
        ours, theirs = keras_code.of_spec(analysis), keras_code.of_code(analysis)
        agrees = ours == theirs and all(wanted == made for _, _, wanted, made in others)
        said["agree" if agrees else "differ"] += 1
        print(f"{name}: {'agrees' if agrees else f'{ours} / {theirs}, {others}'}", flush=True)
    print(", ".join(f"{count} {word}" for word, count in said.items()))
    return not said["differ"]


def random_networks(numbers: range, dtypes: tuple[str, ...], *, shrink: bool) -> bool:
    """Judge the cases of these numbers; False if one parts in no known way."""
    begin = time.monotonic()
    classes: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    examples: dict[str, Case] = {}
    for number in numbers:
        case = random_case(number, dtypes)
        found = verdict(case)
        assert found is not None
        if found.agrees:
            classes["agrees"] += 1
            continue
        told_apart = class_of(network(case.spec), case.question, found)
        name = "untranslated" if found.untranslated else "UNKNOWN" if told_apart is None else told_apart.name
        classes[name] += 1
        figures.update(found.signature)
        print(f"{number} {case.question.dtype} [{name}] {told(found)}", flush=True)
        if shrink and name != "untranslated":
            examples.setdefault(f"{name}: {', '.join(sorted(found.signature))}", case)
    print(f"\n{len(numbers)} networks in {time.monotonic() - begin:.0f} s")
    reasons = {each.name: f": {each.reason}" for each in KNOWN}
    for name, count in classes.most_common():
        print(f"{count:7,} {name}{reasons.get(name, '')}")
    print(
        "differ in: " + ", ".join(f"{name} {figures[name]}" for name in ("refused", *Figures._fields) if figures[name])
    )
    for name, case in examples.items():
        print(f"\n# {name}\n{smallest(case)}", flush=True)
    return not classes["UNKNOWN"]


def smallest(case: Case) -> str:
    """The case shrunk as long as it parts in some of the same figures, and its numbers."""
    first = verdict(case)
    assert first is not None

    def still(smaller: Case) -> bool:
        found = verdict(smaller)
        return found is not None and not found.agrees and found.signature >= first.signature

    small = shrunk(case, still)
    found = verdict(small)
    assert found is not None
    return described(small) + f"# {told(found)}"


def told(found: Verdict) -> str:
    """A verdict in a line."""
    if found.untranslated or found.refused:
        return found.untranslated or f"PyTorch refuses: {found.refused}"
    return "; ".join(f"{figure}: {ours} / {theirs}" for figure, ours, theirs in found.disagreements) or "agrees"
