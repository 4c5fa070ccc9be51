"""Every rule that a finding can name: what it means, and how to fix what breaks it. The names are stable."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple


class Rule(NamedTuple):
    """A rule: its severity is "error", or "warning" for what is legal and suspicious."""

    name: str
    severity: str
    meaning: str
    mending: str


@cache
def rules() -> dict[str, Rule]:
    """Every rule by name, in order of names: the errors of this file, and the warnings, each from a file of its own."""
    from archcalc.warnings import registry

    errors = (Rule(name, "error", *said) for name, said in _ERRORS.items())
    warnings = (Rule(rule.name, "warning", rule.meaning, rule.mending) for rule in registry.rules().values())
    return {rule.name: rule for rule in sorted((*errors, *warnings))}


_ERRORS: dict[str, tuple[str, str]] = {
    # --- the text of a spec
    "yaml-syntax": (
        "The file is not YAML, so nothing in it can be read.",
        "Look just before the place shown: most often a colon without a space, a missing bracket, wrong indentation, "
        "or an expression that begins with a sign YAML keeps for itself and must be quoted.",
    ),
    "yaml-feature": (
        "Anchors, aliases and tags are YAML and no part of the spec language: with them a file can be exponentially "
        "larger than it looks.",
        "Write a block with parameters and call it; quote an expression that begins with `*`, `&` or `!`.",
    ),
    "two-documents": ("A file holds one document, and `---` begins another.", "Move it to a file of its own."),
    "empty-file": ("The file holds nothing.", "Write a spec: `archcalc show vgg16` prints one."),
    "not-text": (
        "This is not text: the file is not UTF-8, or a map or list stands where words belong.",
        "Save the file as UTF-8; write the words on one line.",
    ),
    "too-large": (
        "The file is larger than any spec; or a list, the paths of the layers, or what its expressions read of lists.",
        "Write repetition as `repeat`, and structure as blocks; shorten lists and names.",
    ),
    "too-deep": ("The file nests deeper than any spec.", "Write the inner parts as blocks and call them."),
    "duplicate-key": (
        "A map has the same key twice, and YAML would silently keep the last.",
        "Remove one of the two, or give several claims of one quantity as a list under one key.",
    ),
    "key-not-a-word": ("A key of a map is itself a map or a list.", "Write a single word before the colon."),
    # --- model files
    "bad-archive": (
        "The file is not an archive as torch.export writes it: damaged, of another kind, or without a model.",
        'Write it with `torch.export.save(torch.export.export(model, (input,)), "model.pt2")`.',
    ),
    "bad-model": (
        "The model is not one that a spec can describe: a network from an input, batch first, to its outputs.",
        "See the message; export the part of the model that is such a network.",
    ),
    "unknown-operation": (
        "A model has operations for which there is no layer. They are refused, since a total that leaves something "
        "out would be wrong without saying so.",
        "Export the part of the model without them, or write a spec of it by hand.",
    ),
    "model-disagrees": (
        "A model file states the shape of every value and the size of every parameter, and the layers that were read "
        "from it have others: the file is damaged, or one of its operations is misread.",
        "Export the model again; if the finding stays, it is a defect of the reader.",
    ),
    # --- sections, steps and names
    "unknown-section": (
        "A spec has the sections architecture, source, parameters, import, input, blocks, layers, expect and "
        "published, and no other.",
        "Correct the spelling; a layer belongs in the list under `layers`.",
    ),
    "not-a-map": ("A map of keys and values belongs here.", "Write `key: value` lines, indented under the section."),
    "not-a-list": ("A list belongs here.", "Begin every step with `- `."),
    "missing-value": ("A key has no value.", "Write the value after the colon, or remove the key."),
    "bad-name": (
        "Names have letters, digits and `_`, and do not begin with a digit.",
        "Choose another name; names of steps may also be paths, such as `stage2/conv.1`.",
    ),
    "bad-signature": (
        "The key of a block is its signature: a name and, in brackets, its parameters with their defaults.",
        "Write it as `bottleneck(width, stride=1):`.",
    ),
    "bad-import": (
        "An import names files beside the spec or below, and for each a list of blocks.",
        "Write it as `import: {blocks.yaml: [stage, conv_bn]}` and see that the file is there.",
    ),
    "import-escapes": (
        "An import may not leave the folder of the spec: a spec can be checked without reading anything else.",
        "Move the file of blocks beside the spec or below it.",
    ),
    "import-cycle": (
        "A file imports itself, directly or through others.",
        "Move the blocks that both need to a third file.",
    ),
    "unknown-block": ("The imported file has no block of that name.", "Correct the spelling."),
    "duplicate-block": (
        "Two blocks have the same name, or a block has the name of a layer.",
        "Rename one of them.",
    ),
    "one-layer-a-step": (
        "A step is one layer or block with its attributes, and the step's own keys `as`, `from`, `repeat`, `when` and "
        "`weights`.",
        "Put attributes inside the layer: `- conv: {out: 64, kernel: 3}`; begin every further layer with `- `.",
    ),
    "unknown-layer": (
        "The layer is unknown, and an unknown layer cannot be counted.",
        "Correct the spelling (`archcalc layers` lists the layers), or write it as a block of known layers.",
    ),
    "unknown-attribute": (
        "The layer or block has no attribute of that name.",
        "Correct the spelling; `archcalc layers NAME` shows the attributes of a layer. `repeat`, `when`, `as` and "
        "`from` stand beside the layer, not inside it.",
    ),
    "missing-attribute": ("The layer needs an attribute that has no default.", "Give it."),
    "conflicting-attributes": ("Two attributes of a layer say the same in two ways.", "Give one of them."),
    "missing-argument": ("The block needs an argument that has no default.", "Give it, or give the block a default."),
    "bad-branches": (
        "A join holds its branches as a map of step lists, or names two steps or more as a list.",
        "Write `add: {residual: [...], shortcut: []}` or `concat: [low, high]`.",
    ),
    "bad-repeat": ("`repeat` takes a number, or one index and a number.", "Write `repeat: 3` or `repeat: {i: 3}`."),
    "bad-expression": (
        "The text is not an expression of the language: numbers, parameters, `+ - * // % **`, comparisons, `[i]` and a "
        "few functions.",
        "See the help of the finding; divide with `//`, which rounds down, or round with floor, ceil or round_to.",
    ),
    "unknown-name": (
        "An expression mentions a parameter that the spec, or the block it stands in, does not have.",
        "Correct the spelling, or add the parameter; a block sees its own parameters and those of its file.",
    ),
    "bad-value": (
        "The value has the wrong type, or an expression has no value: a size that is not whole, a division by zero.",
        "See the message; `archcalc layers NAME` says which values an attribute takes.",
    ),
    # --- the graph
    "no-input": ("A network needs the volume that goes in.", "Write `input: [3, 224, 224]`: channels first."),
    "bad-input": (
        "The input is a list of whole numbers, at least 1 each: channels, then up to six more axes.",
        "Write `input: [3, 224, 224]`.",
    ),
    "no-layers": ("The file has no layers: it is not a network.", "Add `layers:`, a list of steps."),
    "unknown-step": (
        "`from` or a join names a step that does not stand before it in the same block.",
        "Name the step with `as`, and see that it comes first.",
    ),
    "duplicate-name": ("Two steps have the same name.", "Rename one of them."),
    "wrong-inputs": ("`from` gives a layer more or fewer inputs than it takes.", "Join them first, or name one."),
    "endless-recursion": (
        "Blocks call each other endlessly.",
        "Stop the recursion with `when:`, on a parameter that every call makes smaller.",
    ),
    "too-many-layers": (
        "The network is larger than any that is built in practice.",
        "Look for a `repeat` that is too large.",
    ),
    "weights-differ": (
        "Two steps share weights by name and would need weights of different sizes, or weights that are trained in "
        "one of them and frozen in the other.",
        "Give them the same attributes, the same `trainable` and inputs of the same channels, or different names.",
    ),
    # --- layers and their volumes
    "wrong-axes": (
        "The input, or a value with one entry for each axis, has the wrong number of spatial axes.",
        "Give one value for all axes, or as many as the input has; `flatten` makes a vector of a map.",
    ),
    "too-many-axes": (
        "A volume has channels and up to six more axes: of a sequence, a map or a video, of windows and heads.",
        "Reshape in fewer axes; an embedding of a map is flattened before it.",
    ),
    "window-divides": (
        "A map is divided into windows that do not overlap, so a window must divide its height and its width.",
        "Pad the map first, or choose another window.",
    ),
    "matmul-agrees": (
        "The columns of the first matrix are the rows of the second (with `transposed: true` its columns).",
        "Look at the two volumes: the last spatial axis is the rows, the channels are the columns.",
    ),
    "attention-mode": (
        "The way in which attention is to be computed does not know an attribute that is given.",
        "Leave `mode` out: the attributes decide; `mode: separate` knows them all.",
    ),
    "picks-fit": ("A router cannot pick more experts than there are.", "Lower `top_k`, or raise `count`."),
    "projection-fits": (
        "The projection of an LSTM makes its state smaller than its cell: PyTorch refuses one that does not.",
        "Choose a smaller projection, or leave it out.",
    ),
    "too-large-volume": (
        "An axis of a volume is longer than any network's, so that numbers would grow without end.",
        "Look for an upsampling or a padding that is repeated too often.",
    ),
    "overwrites-needed": (
        "A layer that is told to work in place would overwrite a value that another layer, or an output, needs, that"
        " its own layer needs for the gradient, or that is one of the parts of a split: PyTorch refuses all three.",
        "Leave `inplace` out: the layer then works in place only where it can.",
    ),
    "needs-indices": (
        "An embedding looks up rows by whole numbers, and what it is given are computed values.",
        "Let it read the network's input, or use a linear layer.",
    ),
    "out-of-range": ("A size is smaller than makes sense.", "Correct it: kernels and strides are at least 1."),
    "kernel-fits": (
        "The window is larger than the padded input, so that not even one output fits.",
        "Use a larger input, more padding, a smaller kernel, or fewer strides before it.",
    ),
    "groups-divide": (
        "Channels are split evenly: the number of parts must divide them.",
        "Choose a number that divides the input channels and, for a convolution, the output channels.",
    ),
    "table-fits": (
        "A table of connections names input maps that exist, each at most once in a row.",
        "Correct the row; maps are counted from 0.",
    ),
    "heads-divide": ("Attention splits the channels evenly over its heads.", "Choose heads that divide them."),
    "padding-fits": (
        "The padding leaves no output, or reflects more of the input than there is.",
        "Use less padding or a larger input.",
    ),
    "output-padding": (
        "A transposed convolution's output padding chooses between sizes that its stride maps to one, so it is "
        "smaller than the stride or the dilation.",
        "Use a smaller output padding.",
    ),
    "pool-padding": (
        "A pooling's padding is at most half its kernel, or a window could see padding alone.",
        "Use less padding.",
    ),
    "linear-needs-vector": (
        "A linear layer works on a vector; on a map it could mean the whole map, or every position alike.",
        "Put `- flatten` before it, or say `each_position: true`.",
    ),
    "branches-agree": (
        "Branches are added, averaged or multiplied value by value, and stacked along their channels, so their other "
        "axes must agree.",
        "Give the branches the same strides, padding and output channels; a shortcut may need a 1x1 convolution.",
    ),
    "crop-fits": ("The crop leaves nothing of an axis, or would enlarge it.", "Crop less."),
    "reshape-keeps": ("A reshape keeps the number of values.", "Choose sizes whose product is that of the input's."),
    "select-fits": ("The selected channels or positions lie outside the input.", "Select from those that exist."),
    "split-part": ("A split has as many parts as it says, counted from 0.", "Choose a part that exists."),
    "axis-order": ("A transpose names every axis of the input once; 0 is the channels.", "List them all."),
    # --- claims
    "unknown-quantity": (
        "A claim is made about a quantity that archcalc does not compute.",
        "Correct the spelling; what cannot be computed (an error rate, a year) belongs in `published`.",
    ),
    "unknown-fact": (
        "`published` holds facts of a few known kinds, so that networks can be compared by them.",
        "Correct the spelling; what can be computed belongs in `expect`.",
    ),
    "unknown-claimed-layer": (
        "A claim is made about a layer that the network does not have.",
        "Use a path as `archcalc report --full` prints it, the path of a block, or a pattern with `*`.",
    ),
    "bad-claim": (
        "A claim is malformed: it has no value, a value that is not a figure, a key that claims do not have, or it is "
        "about settings or another spec that cannot be analysed.",
        "Write `params: 138M` or `params: {value: 138M, source: ...}`; a claim may also have note, erratum, "
        "truncated, tolerance, with, over and under.",
    ),
    "claim-unit": (
        "The value of a claim has a unit that its quantity cannot have: bytes for a count, a number for a volume, a "
        "ratio to nothing.",
        "Write counts as 138M, bytes as 58.1 MiB, volumes as 55x55x96, and ratios (12x) with `over: SPEC` or "
        "`under: SPEC`.",
    ),
    "claim-failed": (
        "A claim does not match the computed value. A figure is held to the precision it is written with: 138M "
        "is met by 137.5 to 138.5 million, 138_357_544 by that number alone.",
        "If the network changed on purpose, write the computed figure. If a published source is wrong, keep its "
        "figure and say why with `erratum:`. If the source cuts digits off, say `truncated: true`.",
    ),
    "erratum-true": (
        "A claim is marked as wrong, and the network meets it.",
        "Remove `erratum`, or correct the network.",
    ),
    "figure-grew": (
        "A figure of the network grew by more than is allowed, compared with the baseline.",
        "Make the network smaller again, or allow the growth with a larger --max-growth or a new baseline.",
    ),
}
