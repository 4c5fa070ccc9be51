"""A class or function for each key of parts: which settings its parts have in common, and which are its arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Any

from archcalc.exchange.code.expressions import (
    ANY,
    Values,
    from_formula,
    from_words,
    is_plain,
    is_progression,
    same,
)
from archcalc.exchange.code.names import unique
from archcalc.exchange.code.parts import Member, Part, Structures, within
from archcalc.exchange.code.target import Target
from archcalc.exchange.code.text import literal
from archcalc.language.document import Block, Formula, Step
from archcalc.records import Record


class Unsaid(Exception):
    """A value of the network that does not follow from its parameters: it holds the values, one for each sample."""

    def __init__(self, values: Values) -> None:
        super().__init__()
        self.values = values


class Argument(Record):
    """An argument of a class's constructor or of a function, and its default as it is written."""

    name: str
    default: str = ""


class Made(Record):
    """How a member is made: what is called with which arguments, nothing for an expression without a module.

    `copies` is how many a run has, and `i` the number of each in its arguments. `values` are those that the member's
    call names, as literals or as arguments; `when` is the condition under which there is the member.
    """

    callee: str = ""
    arguments: tuple[str, ...] = ()
    copies: str = ""
    values: tuple[tuple[str, str], ...] = ()
    when: str = ""

    @property
    def text(self) -> str:
        """The call that makes it, of a run that of each copy."""
        return f"{self.callee}({', '.join(self.arguments)})"

    @property
    def names_copy(self) -> bool:
        """Whether the copies of a run differ."""
        return any("i" in words_of(argument) for argument in self.arguments)


class Class(Record):
    """A class or function, and the parts that are instances or calls of it, of which `model` has all members. `values`
    are those of the arguments in each part, `modules` how each member is made, `inputs` the sizes of the network's
    inputs where the code states them."""

    name: str
    parts: tuple[Part, ...]
    model: Part
    arguments: tuple[Argument, ...]
    values: dict[str, list[Any]]
    modules: tuple[Made, ...]
    inputs: tuple[tuple[str, ...], ...] = ()


def classes(roots: Sequence[Part], name: str, structures: Structures, parameters: set[str]) -> list[Class]:
    """The classes or functions of a network, each after those that it uses; the last is the network's.

    `roots` are the network, and the same with other values of these `parameters`. Unsaid if a value of the network
    follows from them in no way that is known.
    """
    found: dict[int, list[Part]] = {}
    for root in roots:
        for part in within(root):
            found.setdefault(part.key, []).append(part)
    made: dict[int, Class] = {}
    places = {id(part): number for parts in found.values() for number, part in enumerate(parts)}
    target = structures.target
    whole = target.block_name(name, ())
    names = {*structures.owned.values(), whole}

    def make(key: int) -> None:
        """Make the class of a key after those that it uses."""
        parts = found[key]
        for part in parts:
            for inner in dict.fromkeys(call.key for member in part.members for call in member.calls):
                if inner not in made:
                    make(inner)
        step = parts[0].scope.step
        named = whole if step is None else target.block_name(step.name, names)
        names.add(named)
        made[key] = _Arguments(named, parts, made, places, parameters, target).made()

    make(roots[0].key)
    return list(made.values())


#: The sizes of what a module reads.
_READ = frozenset({"in_channels", "in_features", "channels"})


class _Arguments:
    """The constructor arguments of a class, found as its members ask for values."""

    def __init__(
        self,
        name: str,
        parts: Sequence[Part],
        known: Mapping[int, Class],
        places: Mapping[int, int],
        parameters: set[str],
        target: Target,
    ) -> None:
        self.name = name
        self.target = target
        self.parts = parts
        self.model = next(part for part in parts if not any(member.absent for member in part.members))
        self.known = known
        self.places = places
        self.own: dict[str, list[Any]] = {}
        self.used: dict[str, list[Any]] = {}
        given: list[Mapping[str, Any]] = [part.scope.arguments or {} for part in parts]
        step = parts[0].scope.step
        self.block = step.callee if step is not None and isinstance(step.callee, Block) else None
        #: What the spec calls the block with, where every call gives a plain value; then what it reads of the spec's
        #: parameters.
        self.of_spec = self.said(given, given[0])
        stated = [part.network.parameters for part in parts]
        mentioned = list(stated[0]) if self.block is None else _mentioned(self.block)
        self.of_spec.update(
            self.said(stated, [word for word in mentioned if word in parameters and word not in given[0]])
        )

    def said(self, given: Sequence[Mapping[str, Any]], words: Iterable[str]) -> dict[str, list[Any]]:
        """The values of the words that the code can say too."""
        return {
            word: [each[word] for each in given]
            for word in words
            if self.target.identifier(word) == word and all(word in each and is_plain(each[word]) for each in given)
        }

    def made(self) -> Class:
        inputs = tuple(self.shapes()) if self.block is None and self.target.states_inputs else ()
        modules = tuple(self.module(number, member) for number, member in enumerate(self.model.members))
        arguments = [Argument(word, "None" if ANY in values else "") for word, values in self.own.items()]
        in_order = [word for word in self.of_spec if word in self.used]
        arguments += [Argument(word, self.default(word)) for word in in_order]
        arguments.sort(key=lambda argument: bool(argument.default))
        values = {**self.own, **self.used}
        return Class(self.name, tuple(self.parts), self.model, tuple(arguments), values, modules, inputs)

    def shapes(self) -> Iterator[tuple[str, ...]]:
        """The sizes of each input of the network, the channels first."""
        of_parts = [list(part.network.inputs.values()) for part in self.parts]
        for number, volume in enumerate(of_parts[0]):
            shapes = [volumes[number].shape for volumes in of_parts]
            yield tuple(self.expression("size", [shape[axis] for shape in shapes]) for axis in range(volume.rank + 1))

    def default(self, word: str) -> str:
        """The default of an argument: the block's own, or of the network's parameters their values."""
        if self.block is None:
            return literal(self.of_spec[word][0])
        stated = next((each.default for each in self.block.parameters if each.name == word), None)
        return "" if stated is None or stated.constant is None else literal(stated.constant)

    def module(self, number: int, member: Member) -> Made:
        present = [not part.members[number].absent for part in self.parts]
        when = "" if all(present) or member.is_run else _grouped(self.condition(member, present))
        if member.layer is None:
            return self.call(number, member)._replace(when=when)
        values = tuple(
            (setting.name, self.setting(number, "values", which, member.step))
            for which, setting in enumerate(member.layer.values)
        )
        module = self.layer(number, member) if member.layer.module and not member.again else Made()
        return module._replace(values=values, when=when)

    def call(self, number: int, member: Member) -> Made:
        inner = self.known[member.calls[0].key]
        runs = [part.members[number].calls for part in self.parts]
        items: list[str] = []
        in_order = True  # an argument may stand without its name before the first that has one
        for argument in inner.arguments:
            values = [[inner.values[argument.name][self.places[id(call)]] for call in calls] for calls in runs]
            formulas = _formulas(member.step, argument.name)
            if member.is_run:
                text = self.run(argument.name, values, formulas, member.step)
            else:
                given = [v[0] if v else ANY for v in values]
                read = argument.name in _READ and self.reads(member)
                text = self.expression(argument.name, given, formulas, member=member.name, read=read)
            if text == argument.default:
                in_order = False
                continue
            in_order = in_order and text == argument.name
            items.append(text if in_order else f"{argument.name}={text}")
        if not member.is_run:
            return Made(inner.name, tuple(items))
        repeat = member.step.repeat if member.step is not None else None
        counts = [len(calls) for calls in runs]
        copies = self.expression("copies", counts, () if repeat is None else (repeat,))
        return Made(inner.name, tuple(items), copies)

    def condition(self, member: Member, present: list[bool]) -> str:
        """When a member is there, as an expression."""
        when = None if member.step is None else member.step.when
        return self.expression(f"with_{(*member.branch, member.base)[0]}", present, () if when is None else (when,))

    def setting(self, number: int, kind: str, which: int, step: Step | None) -> str:
        """A setting of a layer, or a value that its call names."""
        layers = [None if part.members[number].absent else part.members[number].layer for part in self.parts]
        settings = [None if layer is None else getattr(layer, kind)[which] for layer in layers]
        name = next(each.name for each in settings if each is not None)
        values = [ANY if each is None else each.value for each in settings]
        member = self.model.members[number]
        name = self.target.words.get(name, name)
        read = name in _READ and self.reads(member)
        return self.expression(name, values, _formulas(step), member=member.name, read=read)

    def reads(self, member: Member) -> bool:
        """Whether a member reads an input of the block."""
        return member.inputs[0] in self.model.inputs

    def layer(self, number: int, member: Member) -> Made:
        assert member.layer is not None
        items: list[str] = []
        for which, setting in enumerate(member.layer.settings):
            layers = [part.members[number].layer for part in self.parts if not part.members[number].absent]
            settings = [layer.settings[which] for layer in layers if layer is not None]
            if all(each.default is not ... and same(each.value, each.default) for each in settings):
                continue
            text = self.setting(number, "settings", which, member.step)
            items.append(f"{setting.name}={text}" if setting.by_name else text)
        return Made(member.layer.module, tuple(items))

    def run(self, name: str, runs: list[list[Any]], formulas: Sequence[Formula], step: Step | None) -> str:
        """What the copies of a run are given, by `i`: always the same, as the spec says it, another for the first, in
        equal steps, or one for each."""
        runs = [[_known(values, number) for number in range(len(values))] for values in runs]
        first = [values[0] if values else ANY for values in runs]
        if all(same(value, values[0]) for values in runs for value in values):
            return self.expression(name, first, formulas)
        text = self.by_copy(runs, formulas, step)
        if text:
            return text
        rest = [values[1] if len(values) > 1 else ANY for values in runs]
        if all(same(value, values[1]) for values in runs for value in values[2:]):
            one, other = self.expression(name, first, formulas), self.expression(name, rest, formulas)
            if {one, other} == {"True", "False"}:
                return "i == 0" if one == "True" else "i > 0"
            return one if one == other else f"{_grouped(one)} if i == 0 else {_grouped(other)}"
        if all(type(value) is int for values in runs for value in values) and all(map(is_progression, runs)):
            steps = [values[1] - values[0] if len(values) > 1 else ANY for values in runs]
            return f"{_grouped(self.expression(name, first))} + {_factor(self.expression('growth', steps))} * i"
        if all(type(value) is int for values in runs for value in values) and all(map(_doubles, runs)):
            return f"{_factor(self.expression(name, first))} * 2**i"
        fractions = [value for value in runs[0] if isinstance(value, Fraction)]
        if all(values == runs[0] for values in runs) and len(fractions) == len(runs[0]) and is_progression(fractions):
            return _progression(fractions)
        return f"{self.expression(f'all_{name}', [tuple(values) if values else ANY for values in runs])}[i]"

    def by_copy(self, runs: list[list[Any]], formulas: Sequence[Formula], step: Step | None) -> str:
        """The spec's own formula of its index, which is `i` here."""
        if step is None or step.index is None:
            return ""
        copies = [(number, copy, value) for number, values in enumerate(runs) for copy, value in enumerate(values)]
        words: dict[str, Values] = {word: [given[n] for n, _, _ in copies] for word, given in self.of_spec.items()}
        words[step.index] = [copy for _, copy, _ in copies]
        for formula in formulas:
            text = from_formula(formula, words, [value for _, _, value in copies], {step.index: "i"})
            if text:
                self.use(formula, set(words) - {step.index})
                return text
        return ""

    def use(self, formula: Formula, words: Iterable[str]) -> None:
        """Note the arguments that a formula names."""
        named = {name for name, _ in formula.names}
        self.used.update((word, self.of_spec[word]) for word in words if word in named)

    def expression(
        self, name: str, values: list[Any], formulas: Sequence[Formula] = (), *, member: str = "", read: bool = False
    ) -> str:
        """A value of each part as an expression: a literal, of the spec's names, or an argument of the class's own,
        which has the `member` in its name where there is another. What is `read` from outside is not the block's
        output, though it may be as large."""
        wanted = [value for value in values if value is not ANY]
        if not wanted:
            return "None"
        if all(same(value, wanted[0]) for value in wanted):
            return literal(wanted[0])
        for formula in formulas:
            text = from_formula(formula, self.of_spec, values)
            if text:
                self.use(formula, self.of_spec)
                return text
        text = self.unfinished(values)
        if text:
            return text
        known = {**{word: given for word, given in self.own.items() if ANY not in given}, **self.of_spec}
        text = from_words({word: given for word, given in known.items() if not (read and word == "out")}, values)
        if text:
            self.used.update((word, given) for word, given in self.of_spec.items() if word in words_of(text))
            return text
        if self.parts[0].scope.step is None:
            raise Unsaid(values)
        word = self.target.identifier(name, otherwise="value")
        if word in self.own and member:
            word = self.target.identifier(f"{member}_{name}")
        word = unique(word, {*self.own, *self.of_spec})
        self.own[word] = list(values)
        return word

    def unfinished(self, values: list[Any]) -> str:
        """An argument of the class's own that has these values where a part says any, and can have them in the
        others."""
        for word, given in self.own.items():
            pairs = list(zip(given, values, strict=True))
            stated = [pair for pair in pairs if ANY not in pair]
            if ANY in given and stated and all(same(*pair) for pair in stated):
                self.own[word] = [b if a is ANY else a for a, b in pairs]
                return word
        return ""


def words_of(text: str) -> set[str]:
    """The names in an expression."""
    return set(re.findall(r"[A-Za-z_]\w*", text))


def _mentioned(block: Block) -> list[str]:
    """The names that the steps of a block read."""
    return list(dict.fromkeys(name for step in _steps(block.steps) for each in _all(step) for name, _ in each.names))


def _steps(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        for branch in step.branches or ():
            yield from _steps(branch.steps)


def _all(step: Step) -> Iterator[Formula]:
    yield from (argument.formula for argument in step.arguments)
    yield from (each for each in (step.row, step.repeat, step.when) if each is not None)


def _formulas(step: Step | None, name: str = "") -> list[Formula]:
    """The formulas of a step: of an argument of that name, or of all."""
    arguments = () if step is None else step.arguments
    return [argument.formula for argument in arguments if name in ("", argument.name)]


def _grouped(text: str) -> str:
    """An expression as an operand of `if`."""
    return f"({text})" if " if " in text else text


def _factor(text: str) -> str:
    """An expression as a factor."""
    return text if re.fullmatch(r"[\w\[\]]+( \* [\w\[\]]+)*", text) else f"({text})"


def _doubles(values: list[int]) -> bool:
    return all(after == 2 * before for before, after in pairwise(values))


def _known(values: list[Any], number: int) -> Any:
    """A value of a run; where it is any, one that goes with the others, or the nearest that is said."""
    said = [place for place, value in enumerate(values) if value is not ANY]
    if number == 0 and len(said) == len(values) - 1 > 1 and values[0] is ANY:
        halves = type(values[1]) is int and values[1] % 2 == 0 and _doubles(values[1:])
        return values[1] // 2 if halves else values[1]
    return values[min(said, key=lambda place: abs(place - number))] if said else ANY


def _progression(values: list[Fraction]) -> str:
    """Fractions in equal steps, by `i`: one division, so that each is the number nearest to it."""
    step = values[1] - values[0]
    unit = lcm(values[0].denominator, step.denominator)
    grown = "i" if step * unit == 1 else f"{step * unit} * i"
    return f"({values[0] * unit} + {grown}) / {unit}"
