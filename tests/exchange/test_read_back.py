"""The networks of torchvision that the guide shows beside the catalogue's specs."""

from __future__ import annotations

import pytest
from reference import READ_BACK, read_back

from archcalc.cli import run


@pytest.mark.parametrize("archive", READ_BACK)
def test_what_is_read_of_an_archive_is_the_network_of_the_catalogue(archive: str) -> None:
    other = next(each for each in READ_BACK if each != archive)
    assert run(["diff", READ_BACK[archive], str(read_back(archive)), "--exit-code"]) == 0
    assert run(["diff", READ_BACK[archive], str(read_back(other)), "--exit-code"]) == 1


@pytest.mark.parametrize("archive", READ_BACK)
def test_it_is_as_long_as_what_a_person_writes(archive: str) -> None:
    """At most fifty lines, where the layers of the four networks are 40 to 427."""
    assert len(read_back(archive).read_text(encoding="utf-8").splitlines()) <= 50
