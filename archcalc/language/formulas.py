"""The values that a spec gives, read as formulas: expressions compiled, their names known to be defined."""

from __future__ import annotations

from itertools import chain

from archcalc.diagnostics.diagnostic import Place, Source, did_you_mean
from archcalc.language.budget import MAX_VALUES
from archcalc.language.document import Formula
from archcalc.language.expression import VOLUME_NAMES, ExpressionError, Name, compile_expression
from archcalc.language.names import Known
from archcalc.language.reading import Reading
from archcalc.language.source import Scalar, Sequence, Value
from archcalc.layers.registry import layers, words

#: What other tools call a value of ours.
_OTHER_WORDS = {
    "valid": "no padding is written `0`",
    "True": "did you mean `true`?",
    "False": "did you mean `false`?",
    "None": "leave out what is not given",
}


def read_formula(reading: Reading, value: Value, known: Known, own_words: tuple[str, ...] = ()) -> Formula:
    """A value as a formula over the known names; a finding, and a formula of nothing, if it is none.

    `own_words` are those that the value can be one of: there they are words, whatever else has the name (`width`, say).
    """
    place = reading.place(value)
    if isinstance(value, Scalar):
        text = value.text.strip()
        if not text:
            reading.findings.add("missing-value", "a value is missing here", place)
            return _unknown(place)
        begins = begins_at(reading.document.source, value, text)
        if text in own_words:
            return Formula(place, lambda env: text, text, ())
        if begins is None:
            return read_expression(reading, text, place, known, exact=False)
        return read_expression(reading, text, place._replace(start=begins, end=begins + len(text)), known)
    if isinstance(value, Sequence):
        if (count := _count(value)) > MAX_VALUES:
            message = f"a list has at most {MAX_VALUES:,} values, and this one has {count:,}"
            reading.findings.add("too-large", message, place._replace(end=place.start + 1))
            return _unknown(place)
        return _list(place, [read_formula(reading, item, known, own_words) for item in value.items])
    reading.findings.add("bad-value", "a value is a number, a word, an expression or a list, not a map", place)
    return _unknown(place)


def read_expression(reading: Reading, text: str, place: Place, known: Known, *, exact: bool = True) -> Formula:
    """The text of an expression as a formula. `exact` says that it stands at the place letter by letter, so that
    offsets in it can be shown."""
    try:
        compiled = compile_expression(text)
    except ExpressionError as error:
        reading.findings.add("bad-expression", error.message, _within(place, error, exact), help=error.help)
        return _unknown(place)
    if not compiled.names and not compiled.steps:
        return Formula(place, compiled.evaluate, compiled.constant, ())
    names = _located(compiled.names, place, exact)
    asks_volume = bool(compiled.steps)
    for name, where in names:
        if name in known:
            continue
        if name in VOLUME_NAMES and known.at_step:
            asks_volume = True
        elif (name in VOLUME_NAMES and text != name) or (
            name not in words() and name not in layers() and name not in reading.callable_names
        ):
            reading.findings.add(
                "unknown-name", f"there is no parameter `{name}`", where, help=_name_help(reading, name, known)
            )
    if compiled.steps and not known.at_step:
        _, where = _located(compiled.steps, place, exact)[0]
        reading.findings.add("unknown-name", "no step comes before this", where, help=_NO_STEP)
    return Formula(place, compiled.evaluate, compiled.constant, names, asks_volume, compiled.lists)


_NO_STEP = "volumes are known at a step, and in the defaults of a block's parameters"


def _name_help(reading: Reading, name: str, known: Known) -> str | None:
    if name in VOLUME_NAMES:
        return _NO_STEP
    if name in _OTHER_WORDS:
        return _OTHER_WORDS[name]
    volumes = VOLUME_NAMES if known.at_step else ()
    values = did_you_mean(name, chain(known, volumes, words(), ("true", "false")))
    return values or did_you_mean(name, chain(layers(), reading.callable_names))


def _located(names: tuple[Name, ...], place: Place, exact: bool) -> tuple[tuple[str, Place], ...]:
    return tuple(
        (n.text, Place(place.source, place.start + n.start, place.start + n.end) if exact else place) for n in names
    )


def begins_at(source: Source, value: Scalar, text: str) -> int | None:
    """Where the text of a scalar stands letter by letter, also behind a quote; None if it is written otherwise."""
    for offset in (value.start, value.start + 1):
        if source.text.startswith(text, offset):
            return offset
    return None


def _count(value: Sequence) -> int:
    """The values of a list, those of lists within it included."""
    count = 0
    lists = [value]
    while lists:
        items = lists.pop().items
        count += len(items)
        lists += [item for item in items if isinstance(item, Sequence)]
    return count


def _unknown(place: Place) -> Formula:
    """What stands for a value that could not be read: nothing follows from it, since the stage has failed."""
    return Formula(place, lambda env: None, None, ())


def _within(place: Place, error: ExpressionError, exact: bool) -> Place:
    if not exact:
        return place
    end = place.end if error.end is None else min(place.end, place.start + error.end)
    return Place(place.source, place.start + error.start, end)


def _list(place: Place, parts: list[Formula]) -> Formula:
    names = tuple(name for part in parts for name in part.names)
    constants = tuple(part.constant for part in parts)
    if all(constant is not None for constant in constants):
        return Formula(place, lambda env: constants, constants, names)
    evaluators = tuple(part.evaluate for part in parts)
    asks_volume = any(part.asks_volume for part in parts)
    return Formula(
        place, lambda env: tuple(evaluate(env) for evaluate in evaluators), None, names, asks_volume, (), True
    )
