"""What makes a batch fit that does not: other options of the setup, alone or together, from what costs least."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, product
from typing import Any

from archcalc.cli.progress import told
from archcalc.commands.fit.answer import Configuration, Fit, Fitting
from archcalc.memory.budget import Persistent
from archcalc.records import Record
from archcalc.sizes.kinds import ceil_div


class Option(Record):
    """One option as the command line writes it, and the value that it gives to a field of the setup; `--checkpoint
    auto` leaves the setup without checkpoints of its own."""

    words: str
    field: str
    value: Any

    def of(self, configuration: Configuration) -> Configuration:
        """The configuration with the option."""
        setup = configuration.setup._replace(**{self.field: self.value})
        return Configuration(setup, configuration.auto or self == _AUTO)


_AUTO = Option("--checkpoint auto", "checkpoints", ())
_ACCUMULATE = Option("--accumulate", "accumulate", True)
_NO_MASTERS = Option("--no-masters", "masters", False)


class Remedy(Record):
    """Options with which a batch fits, or a larger one than without.

    The batch is run in so many `batches` of at most `batch` samples, whose gradients are accumulated.
    """

    options: tuple[Option, ...]
    batch: int
    batches: int
    #: The largest batch that fits with these options at once; None where any does.
    largest: int | None
    #: Multiply-accumulates of one sample that are done twice, at most; None where no plan was made.
    extra_macs: int | None
    #: Whether the batch that was asked for fits.
    enough: bool

    @property
    def words(self) -> str:
        """All options in one line."""
        return " ".join(option.words for option in self.options)

    @property
    def finds_checkpoints(self) -> bool:
        """Whether `--checkpoint auto` is among the options."""
        return _AUTO in self.options


class Floor(Record):
    """The smallest setup that is tried: its options, and what it holds when the backward pass ends, whatever the batch
    is; where that leaves room, the bytes at the peak of the batch that was asked for."""

    options: tuple[Option, ...]
    held: Persistent
    peak_bytes: int | None

    @property
    def words(self) -> str:
        """All options in one line."""
        return " ".join(option.words for option in self.options)


#: So many remedies are stated, those that alter least first.
_MOST = 5


#: Types that save memory, from the one that alters a computation least.
_DTYPES = {"float32": ("amp", "bfloat16"), "amp": ("bfloat16",), "int8": ("int4",), "fp8": ("int4",)}
#: Optimizers that scale each parameter's step as those do, and keep less for it; the first keeps the same in 8 bits.
_ADAPTIVE = ("adam8bit", "adafactor")
_OPTIMIZERS = {
    "adam": _ADAPTIVE,
    "adamw": _ADAPTIVE,
    "amsgrad": _ADAPTIVE,
    "adagrad": _ADAPTIVE,
    "rmsprop": _ADAPTIVE,
    "adam8bit": ("adafactor",),
}


def _choices(configuration: Configuration) -> list[list[Option]]:
    """What can be chosen otherwise: of each choice the options, from the one that alters training least."""
    setup = configuration.setup
    dtypes = [Option(f"--dtype {dtype}", "dtype", dtype) for dtype in _DTYPES.get(setup.dtype, ())]
    if setup.stores_fewer_bits:
        return [dtypes]
    lighter = _OPTIMIZERS.get(setup.optimizer, ())
    return [
        dtypes,
        [_NO_MASTERS],
        [Option(f"--optimizer {optimizer}", "optimizer", optimizer) for optimizer in lighter],
        [] if configuration.auto else [_AUTO],
        [] if setup.accumulate else [_ACCUMULATE],
    ]


class _Combination(Record):
    """Options together: which of each choice (0: none, 1: the first), the options, and the configuration with them."""

    chosen: tuple[int, ...]
    options: tuple[Option, ...]
    configuration: Configuration

    def alters_no_less_than(self, other: _Combination) -> bool:
        """Whether it has of each choice the same option or a later one."""
        return all(mine >= theirs for mine, theirs in zip(self.chosen, other.chosen, strict=True))


def _combinations(configuration: Configuration) -> list[_Combination]:
    """All combinations in which every option changes something, those of fewest options first."""
    choices = _choices(configuration)
    made = []
    for chosen in product(*(range(len(options) + 1) for options in choices)):
        options = tuple(choices[number][at - 1] for number, at in enumerate(chosen) if at)
        changed = configuration
        for option in options:
            if option == _NO_MASTERS and not changed.setup.keeps_masters:
                break
            changed = option.of(changed)
        else:
            made.append(_Combination(chosen, options, changed))
    return sorted(made[1:], key=lambda each: (len(each.options), sum(each.chosen)))


class Remedies:
    """What makes a batch fit a memory that it does not fit."""

    def __init__(self, fitting: Fitting, found: Fit, batch: int) -> None:
        self.fitting, self.found, self.batch = fitting, found, batch
        self.usable = found.available.usable
        self.combinations = _combinations(found.configuration)

    def all(self) -> list[Remedy]:
        """The combinations of fewest options with which the batch fits, none of which has a part that is enough, those
        that compute least twice first; then single options with which at least a larger batch fits. Where the batch
        fits in parts alone, the combinations of fewest options with which it fits at once are among these, and where it
        fits with none, that with which the largest fits."""
        possible = [each for each in self.combinations if self._floor(each).total <= self.usable]
        enough = self._of_fewest(possible)
        if enough and all(remedy.batches > 1 for remedy in enough):
            enough += self._of_fewest([each for each in possible if _ACCUMULATE not in each.options])
        single = [each for each in possible if len(each.options) == 1]
        helping = sorted(self._helping(single, enough), key=_by_batch)
        if not enough:
            more = sorted(self._helping(possible, helping), key=_by_batch)
            helping = [*more[:1], *helping] if more and _larger(more[0].largest, helping) else helping
        return [*sorted(enough, key=lambda each: (each.extra_macs or 0, each.batches)), *helping][:_MOST]

    def floor(self) -> Floor:
        """The least of all combinations and of what was asked."""
        tried = (_Combination((), (), self.found.configuration), *self.combinations)
        least = min(tried, key=lambda each: self._floor(each).total)
        held = self._floor(least)
        if held.total > self.usable:
            return Floor(least.options, held, None)
        at_once = [each for each in tried if _ACCUMULATE not in each.options and self._floor(each) == held]
        peaks = {each: self.fitting.least_bytes(each.configuration, self.batch) for each in at_once}
        lightest = min(peaks, key=peaks.__getitem__)
        return Floor(lightest.options, held, peaks[lightest])

    def _of_fewest(self, combinations: list[_Combination]) -> list[Remedy]:
        """The combinations of fewest options with which the batch fits."""
        for _, group in groupby(combinations, key=lambda each: len(each.options)):
            enough = self._enough(list(group))
            if enough:
                return enough
        return []

    def _floor(self, combination: _Combination) -> Persistent:
        """What is there at the end of the backward pass: all parameters' gradients are, accumulated or not."""
        setup = combination.configuration.setup
        return self.fitting.persistent(setup if setup.stores_fewer_bits else setup._replace(accumulate=True))

    def _enough(self, combinations: list[_Combination]) -> list[Remedy]:
        """Those with which the batch fits, without those that alter more than another."""
        found: list[tuple[_Combination, Remedy]] = []
        for each in _told(combinations):
            if not any(each.alters_no_less_than(other) for other, _ in found):
                remedy = self._with(each)
                if remedy is not None:
                    found.append((each, remedy))
        return [remedy for _, remedy in found]

    def _with(self, combination: _Combination) -> Remedy | None:
        """The batch at once, or in the fewest batches that fit; None where it does not fit."""
        configuration, batch, batches = combination.configuration, self.batch, 1
        if _ACCUMULATE in combination.options:
            part = self.fitting.largest(configuration, self.usable)
            if not part or part >= batch:
                return None
            batches = ceil_div(batch, part)
            if batch // batches < self.found.least:
                return None
            batch = ceil_div(batch, batches)
        extra_macs = self.fitting.extra_macs(configuration.setup)
        if configuration.auto:
            plan = self.fitting.plan(configuration, batch, self.usable)
            if plan is None:
                return None
            extra_macs = plan.extra_macs
        largest = self.fitting.largest(configuration, self.usable)
        if largest is not None and largest < batch:
            return None
        return Remedy(combination.options, batch, batches, largest, extra_macs, enough=True)

    def _helping(self, combinations: list[_Combination], known: list[Remedy]) -> Iterator[Remedy]:
        """Those with which a larger batch fits than without, though not the one that was asked for."""
        named = {remedy.options for remedy in known}
        for each in _told(combinations):
            if each.options in named or _ACCUMULATE in each.options:
                continue
            largest = self.fitting.largest(each.configuration, self.usable)
            if largest is not None and (self.found.asked or 0) < largest < self.batch:
                setup, auto = each.configuration
                extra_macs = None if auto else self.fitting.extra_macs(setup)
                yield Remedy(each.options, largest, 1, largest, extra_macs, enough=False)


def _told(combinations: list[_Combination]) -> Iterator[_Combination]:
    return told(combinations, len(combinations), "setups")


def _by_batch(remedy: Remedy) -> int:
    return -(remedy.largest or 0)


def _larger(largest: int | None, than: list[Remedy]) -> bool:
    return all((largest or 0) > (each.largest or 0) for each in than)
