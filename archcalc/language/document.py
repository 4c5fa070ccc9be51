"""What a spec file says, with every name resolved and no value known: sections, blocks and steps as records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archcalc.diagnostics.diagnostic import Place, Source, UsageError, did_you_mean
from archcalc.language.expression import Environment
from archcalc.language.source import Mapping
from archcalc.layers.registry import Layer
from archcalc.records import Record

SECTIONS = (
    "architecture",
    "source",
    "parameters",
    "import",
    "input",
    "inputs",
    "blocks",
    "layers",
    "expect",
    "published",
)
#: A step that branches off into an output of its own; the stream goes on as if it were not there.
HEAD = "head"
#: The name of the network's input.
INPUT = "input"
#: The name of the output at the stream's end, beside those of the heads.
OUTPUT = "output"
#: The largest network.
MAX_LAYERS = 200_000


class Formula(Record):
    """A value that a spec gives, ready to be evaluated: an expression, or a list of formulas.

    `asks_volume` says that its value depends on the volume at its step, or on that of a named step; `lists` are the
    names whose values it may read as whole lists, and `makes_list` says that it is one itself.
    """

    place: Place
    evaluate: Callable[[Environment], Any]
    constant: Any
    names: tuple[tuple[str, Place], ...]
    asks_volume: bool = False
    lists: tuple[str, ...] = ()
    makes_list: bool = False


class Argument(Record):
    """One attribute or argument of a step."""

    name: str
    formula: Formula


class Parameter(Record):
    """A parameter of a spec or of a block's signature; `default` is None where it must be given."""

    name: str
    place: Place
    default: Formula | None


class Branch(Record):
    """A branch of a join or a head; one with a condition is there only if it is true."""

    name: str
    steps: tuple[Step, ...]
    when: Formula | None = None


class Brought(Record):
    """What a step gives an input of a block: the names of steps, with their places.

    `several` says that it is a list, whatever its length: the block knows its values as `NAME.1`, `NAME.2` and so on.
    """

    names: tuple[tuple[str, Place], ...]
    several: bool


class Block:
    """A layer written in the spec language: a signature and steps, which see the names of their own document."""

    __slots__ = ("document", "name", "parameters", "place", "signature", "steps")

    def __init__(self, name: str, signature: str, place: Place, document: Document) -> None:
        self.name = name
        #: Its signature, as it is written.
        self.signature = signature
        self.parameters: tuple[Parameter, ...] = ()
        self.place = place
        self.document = document
        self.steps: tuple[Step, ...] = ()

    @property
    def needed(self) -> tuple[Parameter, ...]:
        """The parameters that have no default."""
        return tuple(parameter for parameter in self.parameters if parameter.default is None)

    def __str__(self) -> str:
        return self.name


class Step:
    """One step: what it calls, with which arguments, and the step's own keys."""

    __slots__ = (
        "arguments",
        "bind",
        "branches",
        "brought",
        "callee",
        "constants",
        "index",
        "inputs",
        "label",
        "label_place",
        "name",
        "place",
        "repeat",
        "row",
        "trainable",
        "weights",
        "when",
    )

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self.place = place
        self.callee: Layer | Block | None = None
        #: Where `name` is a parameter whose value says what is called: the step that calls it.
        self.bind: Callable[[Layer | Block], Step] | None = None
        self.arguments: tuple[Argument, ...] = ()
        #: The arguments of a block as one list, in the order of its signature.
        self.row: Formula | None = None
        #: For a step all of whose attributes are constants: the attributes, typed once.
        self.constants: dict[str, Any] | None = None
        #: Of a join or a head.
        self.branches: tuple[Branch, ...] | None = None
        #: The names of the inputs, if they are stated.
        self.inputs: tuple[tuple[str, Place], ...] = ()
        #: For a block: its own names for its inputs, and what they are called outside.
        self.brought: dict[str, Brought] = {}
        self.label: str | None = None
        self.label_place = place
        self.repeat: Formula | None = None
        self.index: str | None = None
        self.when: Formula | None = None
        self.weights: str | None = None
        self.trainable: Formula | None = None


class Document:
    """One spec file, or one file of blocks."""

    def __init__(self, source: Source, directory: str) -> None:
        self.source = source
        self.directory = directory
        self.architecture = ""
        self.citation = ""
        self.parameters: tuple[Parameter, ...] = ()
        #: The volumes of the inputs by name; one without a name is called `input`.
        self.inputs: dict[str, Formula] = {}
        self.blocks: dict[str, Block] = {}
        self.imported: dict[str, Block] = {}
        #: Blocks of files that could not be read: what calls them is not another finding.
        self.missing: set[str] = set()
        self.steps: tuple[Step, ...] = ()
        self.expect: Mapping | None = None
        self.published: Mapping | None = None

    def block(self, name: str) -> Block | None:
        """The block of that name, its own or an imported one."""
        return self.blocks.get(name) or self.imported.get(name)

    def no_parameter(self, name: str) -> UsageError:
        """That the spec has no parameter of a name, which a command was given."""
        known = [parameter.name for parameter in self.parameters]
        hint = did_you_mean(name, known) or (f"it has {', '.join(known)}" if known else "it has none")
        if name == "batch":
            hint = "a spec is of one sample, and `--batch` says how many there are"
        elif (whole := name.partition("[")[0]) != name and whole in known:
            hint = f"it is an element of `{whole}`, which `sweep` alone can set: set the whole list"
        return UsageError(f"{self.architecture or self.source.name} has no parameter `{name}`: {hint}")

    def place(self, value: Any) -> Place:
        """Where a value of this document stands."""
        return Place(self.source, value.start, value.end)
