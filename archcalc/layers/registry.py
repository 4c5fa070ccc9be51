"""Where layers are found: `@layer` makes a rule known, its signature is its schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar, overload

from archcalc.discovery import loaded_from
from archcalc.layers.attributes import Kind
from archcalc.layers.outcome import Outcome
from archcalc.records import Record


class Attribute(Record):
    """One attribute of a layer. `default` is None where the attribute must be given."""

    name: str
    kind: Kind
    required: bool
    default: Any


class Layer:
    """A layer of the language: its name, its rule, and the schema read off the rule's signature."""

    __slots__ = ("attributes", "family", "first", "fitted", "function", "least", "most", "name", "one_of", "ranks")

    def __init__(
        self, function: Callable[..., Outcome], ranks: Iterable[int] | None, one_of: tuple[str, ...] = ()
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
def layer(*, ranks: Iterable[int], one_of: tuple[str, ...] = ()) -> Callable[[_Rule], _Rule]: ...
def layer(function: Any = None, *, ranks: Iterable[int] | None = None, one_of: tuple[str, ...] = ()) -> Any:
    """Make a rule known under its function's name.

    The rule takes its volumes by position and its attributes by keyword. `ranks` are the numbers of spatial axes it
    works on; of the attributes `one_of`, one must be given and no other. ValueError if another layer has the name.
    """

    def register(rule: _Rule) -> _Rule:
        made = Layer(rule, ranks, one_of)
        if made.name in _known:
            raise ValueError(f"two layers are called {made.name}: in {_known[made.name].family} and in {made.family}")
        _known[made.name] = made
        return rule

    return register if function is None else register(function)


@cache
def layers() -> dict[str, Layer]:
    """Every layer by name: all modules of this package are loaded, so a new file is found by itself."""
    loaded_from("archcalc.layers", without=frozenset({"rules"}))  # explanations are read when asked for
    return _known


#: What others call a layer of ours, where the names are not alike: other frameworks, papers, everyday speech.
_OTHER_NAMES = {
    "linear": ("dense", "fc", "fully_connected", "innerproduct", "gemm"),
    "batch_norm": ("bn",),
    "layer_norm": ("ln",),
    "lrn": ("local_response_norm", "localresponsenorm"),
    "silu": ("swish",),
    "conv_transpose": ("deconv", "deconvolution", "upconv", "transposed_conv", "convtranspose2d"),
    "depthwise_conv": ("dwconv", "depthwise"),
    "global_avgpool": ("gap", "globalaveragepooling", "globalaveragepooling2d", "global_average_pooling"),
    "attention": ("mha", "multihead_attention", "multi_head_attention", "multiheadattention", "self_attention"),
    "concat": ("cat", "concatenate"),
    "add": ("sum", "residual", "eltwise"),
    "multiply": ("mul", "product"),
    "drop_path": ("stochastic_depth", "droppath"),
    "tokens": ("patches", "patchify"),
    "upsample": ("interpolate", "resize"),
    "transpose": ("permute",),
    "reshape": ("view",),
}


#: What others have as a layer and we write otherwise.
_WRITTEN_OTHERWISE = {
    ("group_conv", "grouped_conv", "groupconv"): "write `conv` with `groups`",
    ("pointwise_conv", "conv1x1", "pwconv"): "write `conv` with `kernel: 1`",
    ("conv3x3",): "write `conv` with `kernel: 3` and `padding: 1`",
    ("separable_conv", "sepconv"): "write `depthwise_conv`, and a `conv` with `kernel: 1` after it",
    ("rope", "rotary", "rotary_embedding"): "rotary positions are not a layer of their own: they have no parameters",
    ("input",): "the section `input` says what the network begins with",
    ("sequential", "block"): "a block is defined in the section `blocks` and called by its name",
}

#: What others call an attribute of ours.
_OTHER_ATTRIBUTES = {
    "kernel": ("size", "kernel_size", "pool_size", "window", "ksize", "k"),
    "stride": ("strides", "step", "subsampling"),
    "padding": ("pad", "pads", "border"),
    "out": ("filters", "out_channels", "channels", "units", "features", "out_features", "width", "num_filters"),
    "rate": ("p", "prob", "probability", "drop", "drop_rate"),
    "heads": ("num_heads", "n_heads", "nhead", "head"),
    "groups": ("num_groups", "group", "cardinality"),
    "dilation": ("dilation_rate", "dilations"),
    "scale": ("scale_factor", "factor"),
    "bias": ("use_bias", "with_bias"),
    "size": ("output_size", "out_size", "num_embeddings"),
}


def other_attribute(word: str, known: Iterable[str]) -> str | None:
    """The attribute, of those known, that others call by this word; None if there is none."""
    plain = word.lower().replace("-", "_")
    return next((name for name in known if plain in _OTHER_ATTRIBUTES.get(name, ())), None)


def other_name(word: str) -> str | None:
    """A help text that names the layer which others call by this word, or spell otherwise; None if there is none."""
    plain = word.lower().replace("-", "_")
    for others, text in _WRITTEN_OTHERWISE.items():
        if plain in others:
            return text
    for name, others in _OTHER_NAMES.items():
        if plain in others:
            return f"it is called `{name}` here"
    known = {name.replace("_", ""): name for name in layers()}
    alike = known.get(plain.replace("_", "").removesuffix("1d").removesuffix("2d").removesuffix("3d"))
    return f"it is called `{alike}` here" if alike else None


@cache
def words() -> frozenset[str]:
    """Every word that some attribute takes as a value."""
    return frozenset(w for made in layers().values() for a in made.attributes.values() for w in a.kind.words)
