"""Where layers are found: `@layer` makes a rule known, its signature is its schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeAlias, TypeVar, overload

from archcalc.discovery import loaded_from
from archcalc.exact import fraction
from archcalc.layers.attributes import Kind
from archcalc.layers.outcome import Outcome
from archcalc.records import Record
from archcalc.sizes.volume import Volume


class Attribute(Record):
    """One attribute of a layer. `signed` is the default in the rule's signature, None where it must be given."""

    name: str
    kind: Kind
    required: bool
    signed: Any

    @property
    def default(self) -> Any:
        """The value where none is given, exactly; None where one must be."""
        return fraction(self.signed) if type(self.signed) is float else self.signed


#: A layer's name and all its attributes, with one value for each axis where an attribute has that.
Form: TypeAlias = tuple[str, dict[str, Any]]

#: For a layer's first input and all its attributes, those that differ from what is written: what they mean there.
Resolve: TypeAlias = Callable[[Volume, Mapping[str, Any]], "dict[str, Any]"]

#: For a layer's first input and its resolved attributes, another layer; None where no other is the same.
Shorter: TypeAlias = Callable[[Volume, Mapping[str, Any]], "Form | None"]


class Layer:
    """A layer of the language: its name, its rule, and the schema read off the rule's signature."""

    __slots__ = (
        "attributes",
        "commutes",
        "family",
        "first",
        "fitted",
        "function",
        "least",
        "most",
        "name",
        "one_of",
        "ranks",
        "resolve",
        "shorter",
    )

    def __init__(
        self,
        function: Callable[..., Outcome],
        ranks: Iterable[int] | None,
        one_of: tuple[str, ...] = (),
        commutes: bool = False,
        resolve: Resolve | None = None,
        shorter: Shorter | None = None,
    ) -> None:
        code = function.__code__
        positional = code.co_varnames[: code.co_argcount]
        keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        defaults = function.__kwdefaults__ or {}
        self.name = function.__name__
        self.family = function.__module__.rpartition(".")[2]
        self.function = function
        #: The numbers of spatial axes the layer can work on; None for any.
        self.ranks = None if ranks is None else tuple(ranks)
        #: Attributes of which one is given, and no other.
        self.one_of = one_of
        #: Whether the order of its inputs means nothing.
        self.commutes = commutes
        self.resolve = resolve
        self.shorter = shorter
        many = bool(code.co_flags & 0x04)
        self.least = 1 if many else len(positional) - len(function.__defaults__ or ())
        #: How many volumes the layer takes at the most; None for a join.
        self.most = None if many else len(positional)
        self.attributes = {
            name: Attribute(name, _kind(function, name), name not in defaults, defaults.get(name)) for name in keywords
        }
        #: The attribute that a bare value is for: `- linear: 10`.
        self.first = keywords[0] if keywords else None
        #: Attributes with a value for each axis.
        self.fitted = tuple(a for a in self.attributes.values() if type(a.kind).fit is not Kind.fit)

    def complete(self, attributes: Mapping[str, Any], rank: int) -> dict[str, Any]:
        """All attributes, defaults too, for an input of so many spatial axes. Refused if one does not fit them."""
        values = ((each, attributes.get(name, each.default)) for name, each in self.attributes.items())
        return {each.name: value if value is None else each.kind.fit(value, rank) for each, value in values}

    def form(self, x: Volume, attributes: Mapping[str, Any]) -> Form:
        """The layer and its attributes as what they mean for its first input: one form for what is the same in every
        value and every figure. Refused as `complete`."""
        made = self.complete(attributes, x.rank)
        if self.resolve is not None:
            made |= self.resolve(x, made)
        return (self.shorter and self.shorter(x, made)) or (self.name, made)

    @property
    def joins(self) -> bool:
        """Whether it joins any number of branches."""
        return self.most is None

    @property
    def doc(self) -> str:
        """The rule's documentation."""
        import inspect

        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The first line of its documentation."""
        return self.doc.partition("\n")[0]

    def __repr__(self) -> str:
        return f"<layer {self.name}>"


def _kind(function: Callable[..., Outcome], name: str) -> Kind:
    annotation = function.__annotations__[name]
    kind = annotation.__metadata__[0]
    if not isinstance(kind, Kind):
        raise TypeError(f"{function.__name__}: attribute {name} is not annotated with a kind")
    return kind


_known: dict[str, Layer] = {}


_Rule = TypeVar("_Rule", bound=Callable[..., Outcome])


@overload
def layer(function: _Rule) -> _Rule: ...
@overload
def layer(
    *,
    ranks: Iterable[int] | None = None,
    one_of: tuple[str, ...] = (),
    commutes: bool = False,
    resolve: Resolve | None = None,
    shorter: Shorter | None = None,
) -> Callable[[_Rule], _Rule]: ...
def layer(
    function: Any = None,
    *,
    ranks: Iterable[int] | None = None,
    one_of: tuple[str, ...] = (),
    commutes: bool = False,
    resolve: Resolve | None = None,
    shorter: Shorter | None = None,
) -> Any:
    """Make a rule known under its function's name.

    The rule takes its volumes by position and its attributes by keyword. `ranks` are the numbers of spatial axes it
    works on; of the attributes `one_of`, one must be given and no other; `commutes` says that the order of its inputs
    means nothing. What can be written in several ways has one form: `resolve` writes attributes as what they mean for
    the input, `shorter` the layer as another one, where both are the same in every value and every figure. ValueError
    if another layer has the name.
    """

    def register(rule: _Rule) -> _Rule:
        made = Layer(rule, ranks, one_of, commutes, resolve, shorter)
        if made.name in _known:
            raise ValueError(f"two layers are called {made.name}: in {_known[made.name].family} and in {made.family}")
        _known[made.name] = made
        return rule

    return register if function is None else register(function)


@cache
def layers() -> dict[str, Layer]:
    """Every layer by name: all modules of this package are loaded, so a new file is found by itself."""
    loaded_from("archcalc.layers", without=frozenset({"rules", "other_names"}))  # these are read when asked for
    return _known


@cache
def words() -> frozenset[str]:
    """Every word that some attribute takes as a value."""
    return frozenset(w for made in layers().values() for a in made.attributes.values() for w in a.kind.words)
