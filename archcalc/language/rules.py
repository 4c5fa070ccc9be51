"""What the text of a spec can break, each rule with its meaning and its fix."""

from __future__ import annotations

from archcalc.diagnostics.rules import rule

rule(
    "yaml-syntax",
    "The file is not YAML, so nothing in it can be read.",
    "Look just before the place shown: most often a colon without a space, a missing bracket, wrong indentation, "
    "or an expression that begins with a sign YAML keeps for itself and must be quoted.",
)
rule(
    "missing-colon",
    "A step that is a name alone has keys below it, and YAML reads the name and the keys as one text.",
    "Write a colon behind the name, `- relu:`, and the step's own keys below it (`as`, `from`, `repeat`, `when`, "
    "`weights`, `trainable`); what belongs to the layer goes into braces, `- conv: {out: 64, kernel: 3}`.",
)
rule(
    "bad-indentation",
    "The indentation of a line matches no line above that it could continue.",
    "Indent all steps of a list alike, and a step's own keys as far as the name of its layer.",
)
rule(
    "yaml-feature",
    "Anchors, aliases and tags are YAML but not part of the spec language: with them a file can be exponentially "
    "larger than it looks.",
    "Write a block with parameters and call it; quote an expression that begins with `*`, `&` or `!`.",
)
rule(
    "two-documents",
    "A file holds one document, and `---` begins another.",
    "Move it to a file of its own.",
)
rule(
    "empty-file",
    "The file is empty.",
    "Write a spec: `archcalc show vgg16` prints one.",
)
rule(
    "not-text",
    "This is not text: the file is not UTF-8, or a map or list stands where words belong.",
    "Save the file as UTF-8; write the words on one line.",
)
rule(
    "too-large",
    "The file is larger than any spec; or a list, the paths of the layers, or what its expressions read of lists.",
    "Write repetition as `repeat`, and structure as blocks; shorten lists and names.",
)
rule(
    "too-deep",
    "The file is nested deeper than any spec.",
    "Write the inner parts as blocks and call them.",
)
rule(
    "duplicate-key",
    "A map has the same key twice, and YAML would silently keep the last.",
    "Remove one of the two, or give several claims of one quantity as a list under one key.",
)
rule(
    "key-not-a-word",
    "A key of a map is itself a map or a list.",
    "Write a single word before the colon.",
)
rule(
    "unknown-section",
    "A spec has the sections architecture, source, parameters, import, input, blocks, layers, expect and "
    "published, and no other.",
    "Correct the spelling; a layer belongs in the list under `layers`.",
)
rule(
    "not-a-map",
    "A map of keys and values belongs here.",
    "Write `key: value` lines, indented under the section.",
)
rule(
    "not-a-list",
    "A list belongs here.",
    "Begin every step with `- `.",
)
rule(
    "missing-value",
    "A key has no value.",
    "Write the value after the colon, or remove the key.",
)
rule(
    "bad-name",
    "Names have letters, digits and `_`, and do not begin with a digit.",
    "Choose another name; names of steps may also be paths, such as `stage2/conv.1`.",
)
rule(
    "bad-signature",
    "The key of a block is its signature: a name and, in brackets, its parameters with their defaults.",
    "Write it as `bottleneck(width, stride=1):`.",
)
rule(
    "bad-import",
    "An import names files beside the spec or below, and for each a list of blocks.",
    "Write it as `import: {blocks.yaml: [stage, conv_bn]}` and see that the file is there.",
)
rule(
    "import-escapes",
    "An import may not leave the folder of the spec: a spec can be checked without reading anything else.",
    "Move the file of blocks beside the spec or below it.",
)
rule(
    "import-cycle",
    "A file imports itself, directly or through others.",
    "Move the blocks that both need to a third file.",
)
rule(
    "unknown-block",
    "The imported file has no block of that name.",
    "Correct the spelling.",
)
rule(
    "duplicate-block",
    "Two blocks have the same name, or a block has the name of a layer.",
    "Rename one of them.",
)
rule(
    "one-layer-a-step",
    "A step is one layer or block with its attributes, and the step's own keys `as`, `from`, `repeat`, `when` and "
    "`weights`.",
    "Put attributes inside the layer: `- conv: {out: 64, kernel: 3}`; begin every further layer with `- `.",
)
rule(
    "unknown-layer",
    "The layer is unknown, and an unknown layer cannot be counted.",
    "Correct the spelling (`archcalc layers` lists the layers), or write it as a block of known layers.",
)
rule(
    "unknown-attribute",
    "The layer or block has no attribute of that name.",
    "Correct the spelling; `archcalc layers NAME` shows the attributes of a layer. `repeat`, `when`, `as` and "
    "`from` stand beside the layer, not inside it.",
)
rule(
    "missing-attribute",
    "The layer needs an attribute that has no default.",
    "Give it.",
)
rule(
    "conflicting-attributes",
    "Two attributes of a layer say the same thing in two ways.",
    "Give only one of them.",
)
rule(
    "missing-argument",
    "The block needs an argument that has no default.",
    "Give it, or give the block a default.",
)
rule(
    "bad-branches",
    "A join holds its branches as a map of step lists, or names two steps or more as a list.",
    "Write `add: {residual: [...], shortcut: []}` or `concat: [low, high]`.",
)
rule(
    "bad-repeat",
    "`repeat` takes a number, or one index and a number.",
    "Write `repeat: 3` or `repeat: {i: 3}`.",
)
rule(
    "bad-expression",
    "The text is not an expression of the language: numbers, parameters, `+ - * // % **`, comparisons, `[i]` and a "
    "few functions.",
    "See the help of the finding; divide with `//`, which rounds down, or round with floor, ceil or round_to.",
)
rule(
    "unknown-name",
    "An expression mentions a parameter that the spec, or the block it stands in, does not have.",
    "Correct the spelling, or add the parameter; a block sees its own parameters and those of its file.",
)
rule(
    "bad-value",
    "The value has the wrong type, or an expression has no value: a size that is not whole, a division by zero.",
    "See the message; `archcalc layers NAME` says which values an attribute takes.",
)
rule(
    "no-input",
    "A network needs the volume that goes in.",
    "Write `input: [3, 224, 224]`: channels first.",
)
rule(
    "bad-input",
    "The input is a list of whole numbers, at least 1 each: channels, then up to six more axes.",
    "Write `input: [3, 224, 224]`.",
)
rule(
    "no-layers",
    "The file has no layers: it is not a network.",
    "Add `layers:`, a list of steps.",
)
rule(
    "unknown-step",
    "`from` or a join names a step that does not stand before it in the same block.",
    "Name the step with `as`, and see that it comes first.",
)
rule(
    "duplicate-name",
    "Two steps have the same name.",
    "Rename one of them.",
)
rule(
    "wrong-inputs",
    "`from` gives a layer more or fewer inputs than it takes.",
    "Join them first, or name one.",
)
rule(
    "endless-recursion",
    "Blocks call each other endlessly.",
    "Stop the recursion with `when:`, on a parameter that every call makes smaller.",
)
rule(
    "too-many-layers",
    "The network is larger than any that is built in practice.",
    "Look for a `repeat` that is too large.",
)
