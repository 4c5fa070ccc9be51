"""A list of figures as a file of its own: claims about networks of any kind, each naming its spec.

source: torchvision 0.29.1, metadata of its weights
figures:
  - {spec: resnet50, quantity: params, value: 25_557_032}
  - {spec: "densenet121:growth=48", quantity: macs, value: 7.82G, source: "a paper, table 1"}
  - {spec: exported/ours.pt2, quantity: output, layer: stem, value: 112x112x64, note: ours}
"""

from __future__ import annotations

import re

from archcalc.claims.read import LISTED_KEYS, Claim, Malformed, Reader
from archcalc.diagnostics.diagnostic import Diagnostic, Source, SpecError, did_you_mean
from archcalc.language.findings import ENOUGH, MAX_FINDINGS
from archcalc.language.source import Mapping, Scalar, Sequence, Value, parse

SECTIONS = ("source", "figures")
_HELP = "write `- {spec: resnet50, quantity: params, value: 25_557_032, source: ...}`"

#: The outermost keys of a block-style map.
_KEY = re.compile(r"""^(["']?)([A-Za-z_]\w*)\1[ \t]*:(?=\s)""", re.MULTILINE | re.ASCII)


def is_list(text: str) -> bool:
    """Whether a YAML text looks like a list of figures, also where it is broken."""
    if "figures" not in text:
        return False
    keys = {match[2] for match in _KEY.finditer(text)}
    return "figures" in keys and not keys & {"architecture", "input", "inputs", "layers", "blocks"}


def listed(source: Source) -> tuple[list[Claim], list[Diagnostic]]:
    """The claims of a list of figures in the order of the file, and what is malformed among them.

    Which names its arithmetic may use shows where the spec is known. SpecError for a text that is not a list at all.
    """
    return _ListReader(source, None).list(parse(source))


class _ListReader(Reader):
    def list(self, tree: Value) -> tuple[list[Claim], list[Diagnostic]]:
        try:
            figures, cited = self.sections(tree)
        except Malformed as malformed:
            raise SpecError([*self.problems, malformed.diagnostic]) from None
        found: list[Claim] = []
        for item in figures.items:
            with self.finding():
                found.append(self.listed(item, cited))
            if len(self.problems) >= MAX_FINDINGS:
                self.problems[-1] = self.problems[-1]._replace(notes=(ENOUGH,))
                break
        return found, self.problems

    def sections(self, tree: Value) -> tuple[Sequence, str]:
        """The entries, and the source that stands for all of them."""
        if not isinstance(tree, Mapping):
            raise self.malformed(f"a list of figures is a map of {' and '.join(SECTIONS)}", tree, rule="not-a-map")
        for key, _ in tree.entries:
            if key.text not in SECTIONS:
                hint = did_you_mean(key.text, SECTIONS) or f"it has {' and '.join(SECTIONS)}"
                message = f"a list of figures has no `{key.text[:80]}`"
                raise self.malformed(message, key, rule="unknown-section", help=hint)
        figures, cited = tree.get("figures"), tree.get("source")
        if not isinstance(figures, Sequence) or not figures.items:
            raise self.malformed("figures is a list of figures, each with its spec", figures or tree, help=_HELP)
        return figures, "" if cited is None else self.text(cited)

    def listed(self, item: Value, cited: str) -> Claim:
        if not isinstance(item, Mapping):
            raise self.malformed("a figure in a list is a map", item, help=_HELP)
        said = self.said(item, LISTED_KEYS, "figure")
        for key in ("spec", "quantity"):
            if key not in said:
                raise self.malformed(f"this figure has no {key}", item, help=_HELP)
        layer = self.word(said["layer"]) if "layer" in said else None
        claim = self.claim(self.quantity(self.word(said["quantity"]), layer), said, cited, layer)
        spec = self.word(said["spec"])
        return claim._replace(spec=spec.text.strip(), spec_place=self.place(spec))

    def word(self, value: Value) -> Scalar:
        """A name that may not be missing."""
        if isinstance(value, Scalar) and value.text.strip():
            return value
        raise self.malformed("this must be a name", value)
