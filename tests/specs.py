"""Random specs for property tests: small networks with branches, groups, strides, blocks and repeats."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from hypothesis import strategies as st

#: A step as data: the lines of its layer, and branches below it if it is a join.
Step: TypeAlias = tuple[str, dict[str, list[Any]], str]


class Spec(NamedTuple):
    """Steps that can be written out in several ways."""

    steps: list[Step]

    def text(self, blocks: str = "") -> str:
        """The spec, with three parameters that stand for sizes."""
        head = "architecture: random\nparameters: {width: 8, image: 24, groups: 2}\ninput: [4, image, image]\n"
        return f"{head}{blocks}layers:\n" + written(self.steps, 1)


def written(steps: list[Step], level: int) -> str:
    """Steps as YAML."""
    indent = "  " * level
    lines = []
    for layer, branches, keys in steps:
        lines.append(f"{indent}- {layer}{'' if ':' in layer and not branches else ':'}")
        for name, inside in branches.items():
            body = "\n" + written(inside, level + 3).rstrip("\n") if inside else " []"
            lines.append(f"{indent}    {name}:{body}")
        if keys:
            lines.append(f"{indent}  {keys}")
    return "\n".join(lines) + "\n"


def _layer(text: str) -> Step:
    return (text, {}, "")


_widths = st.sampled_from(["width", "2 * width", "width // 2 + 3", "12", "channels", "channels + 1"])
_groups = st.sampled_from(["1", "1", "2", "groups"])

_keeping = st.sampled_from(
    [
        "relu",
        "silu",
        "batch_norm",
        "dropout: 0.5",
        "depthwise_conv: {kernel: 3, padding: 1}",
        "maxpool: {kernel: 3, stride: 1, padding: 1}",
        "identity",
    ]
).map(_layer)

_windows = st.one_of(
    st.tuples(_widths, st.sampled_from([1, 3, 5]), st.sampled_from([1, 2]), st.integers(0, 2), _groups).map(
        lambda p: _layer(f"conv: {{out: {p[0]}, kernel: {p[1]}, stride: {p[2]}, padding: {p[3]}, groups: {p[4]}}}")
    ),
    st.tuples(_widths, st.sampled_from([2, 3]), st.sampled_from([1, 2, "groups"])).map(
        lambda p: _layer(f"conv: {{out: {p[0]}, kernel: {p[1]}, stride: {p[2]}, padding: same, bias: false}}")
    ),
    st.sampled_from(["subsample: groups", "crop: groups", "adaptive_avgpool: groups"]).map(_layer),
    st.sampled_from(["upsample: {to: 2 * size[0] - 1}", "crop: {to: size[1] - 1}"]).map(
        lambda text: _layer(text.replace("to: ", 'to: "').replace("}", '"}'))
    ),
    st.tuples(st.sampled_from([2, 3]), st.booleans()).map(
        lambda p: _layer(f"maxpool: {{kernel: {p[0]}, stride: 2, ceil_mode: {str(p[1]).lower()}}}")
    ),
    st.just(_layer("conv_transpose: {out: width, kernel: 2, stride: 2}")),
)


def _joins(inner: st.SearchStrategy[list[Step]]) -> st.SearchStrategy[Step]:
    keeping = st.lists(_keeping, max_size=3)
    same = st.tuples(_widths, st.sampled_from([1, 3])).map(
        lambda p: [_layer(f"conv: {{out: {p[0]}, kernel: {p[1]}, padding: {p[1] // 2}}}")]
    )
    return st.one_of(
        st.tuples(keeping, keeping).map(lambda p: ("add", {"one": p[0], "two": p[1]}, "")),
        st.tuples(same, keeping, same).map(lambda p: ("concat", {"one": p[0], "two": p[1], "three": p[2]}, "")),
        # Branches that agree only for some sizes.
        st.tuples(inner, inner).map(lambda p: ("concat", {"one": p[0], "two": p[1]}, "")),
    )


steps = st.recursive(
    st.lists(st.one_of(_keeping, _windows), min_size=1, max_size=4),
    lambda inner: st.lists(st.one_of(_keeping, _windows, _joins(inner)), min_size=1, max_size=4),
    max_leaves=6,
)
specs = steps.map(Spec)
