"""What claims can break: how they are written, and whether they are true. Each rule with its meaning and its fix."""

from __future__ import annotations

from archcalc.diagnostics.rules import rule

rule(
    "unknown-quantity",
    "A claim is made about a quantity that archcalc does not compute.",
    "Correct the spelling; what cannot be computed (an error rate, a year) belongs in `published`.",
)
rule(
    "unknown-fact",
    "`published` holds facts of a few known kinds, so that networks can be compared by them.",
    "Correct the spelling; what can be computed belongs in `expect`.",
)
rule(
    "unknown-claimed-layer",
    "A claim is made about a layer that the network does not have.",
    "Use a path as `archcalc report --full` prints it, the path of a block, or a pattern with `*`.",
)
rule(
    "bad-claim",
    "A claim is malformed: it has no value, a value that is not a figure, a key that claims do not have, or it is "
    "about settings or another spec that cannot be analysed.",
    "Write `params: 138M` or `params: {value: 138M, source: ...}`; a claim may also have note, erratum, "
    "truncated, tolerance, with, over and under.",
)
rule(
    "claim-unit",
    "The value of a claim has a unit that its quantity cannot have (bytes for a count, a number for a volume, a ratio "
    "to nothing), or lacks the one it needs: `<= 24` of a memory is 24 bytes.",
    "Write counts as 138M, bytes as 58.1 MiB, volumes as 55x55x96, and ratios (12x) with `over: SPEC` or "
    "`under: SPEC`.",
)
rule(
    "claim-failed",
    "A claim does not match the computed value. A figure is held to the precision it is written with: 138M "
    "is met by 137.5 to 138.5 million, 138_357_544 by that number alone.",
    "If the network changed on purpose, write the computed figure. If a published source is wrong, keep its "
    "figure and say why with `erratum:`. If the source cuts digits off, say `truncated: true`.",
)
rule(
    "erratum-true",
    "A claim is marked as wrong, and the network meets it.",
    "Remove `erratum`, or correct the network.",
)
