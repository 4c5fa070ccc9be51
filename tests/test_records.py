"""Records are what `typing.NamedTuple` makes, made faster."""

from __future__ import annotations

import copy
import pickle
from typing import NamedTuple

import pytest

from archcalc.records import Record


class Window(Record):
    """A window along one axis."""

    size: int
    stride: int = 1
    name: str = ""

    @property
    def end(self) -> int:
        """One past its last position."""
        return self.size * self.stride


class Typed(NamedTuple):
    """The same by the standard library."""

    size: int
    stride: int = 1
    name: str = ""


class OfOne(Record):
    """A record with one value."""

    only: int


def test_values_are_given_by_place_or_by_name_and_may_have_defaults() -> None:
    assert Window(3) == Window(size=3, stride=1, name="") == Window(3, name="") == (3, 1, "")
    assert (Window(3, 2).size, Window(3, 2).stride, Window(3, 2).end) == (3, 2, 6)
    assert OfOne(7).only == 7


@pytest.mark.parametrize("kind", [Window, Typed])
def test_it_behaves_as_a_named_tuple_of_the_standard_library_does(kind: type[Window] | type[Typed]) -> None:
    made = kind(3, 2)
    size, stride, name = made
    assert (size, stride, name) == (3, 2, "")
    assert repr(made) == f"{kind.__name__}(size=3, stride=2, name='')"
    assert made._replace(stride=4) == kind(3, 4)
    assert type(made._replace(stride=4)) is kind
    assert made._asdict() == {"size": 3, "stride": 2, "name": ""}
    assert hash(made) == hash((3, 2, ""))
    assert copy.copy(made) == copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made
    assert type(pickle.loads(pickle.dumps(made))) is kind
    assert not hasattr(made, "__dict__")
    match made:
        case kind(size, stride):
            assert (size, stride) == (3, 2)


@pytest.mark.parametrize("kind", [Window, Typed])
def test_what_does_not_fit_is_refused(kind: type[Window] | type[Typed]) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'size'"):
        kind()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'step'"):
        kind(3, step=2)  # type: ignore[call-arg]
    with pytest.raises((TypeError, ValueError), match="step"):
        kind(3)._replace(step=2)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        kind(3).size = 4  # type: ignore[misc]
    with pytest.raises(AttributeError):
        kind(3).step = 4  # type: ignore[union-attr]
