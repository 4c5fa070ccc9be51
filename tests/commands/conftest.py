"""A served spec, for all tests of `archcalc serve` in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Client, serve


@pytest.fixture(scope="module")
def opened_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served") / "mine.yaml"


@pytest.fixture(scope="module")
def client(opened_file: Path) -> Iterator[Client]:
    with serve(opened_file) as client:
        yield client
