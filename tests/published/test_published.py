"""Figures that the authors of packages publish, against the specs of the catalogue: every one is met, or an erratum."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from published.lists import TABLES, against_catalogue, listed, write_configs

from archcalc.claims.verdict import ERRATUM, MET
from archcalc.commands.check.run import SpecCheck, check
from archcalc.commands.check.targets import targets


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SpecCheck]:
    """The lists, checked with `archcalc check`, by table."""
    folder: Path = tmp_path_factory.mktemp("published")
    write_configs(folder)
    for table in TABLES:
        (folder / f"{table}.yaml").write_text(against_catalogue(table), encoding="utf-8")
    return {each.target.path.stem: each for each in check(targets([str(folder)]))}


@pytest.mark.parametrize("table", TABLES)
def test_every_figure_is_met_or_a_known_erratum(table: str, checks: dict[str, SpecCheck]) -> None:
    assert [f"{finding.place}: {finding.message}" for finding in checks[table].findings] == []


def test_a_thousand_figures_of_five_authors_are_compared(checks: dict[str, SpecCheck]) -> None:
    fared = Counter(verdict.verdict for each in checks.values() for verdict in each.verdicts)

    assert set(checks) == set(TABLES)
    assert fared[MET] >= 1000
    assert set(fared) == {MET, ERRATUM}


@pytest.mark.parametrize("table", TABLES)
def test_every_list_says_where_it_is_from(table: str) -> None:
    version_and_licence = r"[\w./-]+ (?:at )?[\w.]+ \((?:MIT|BSD-3-Clause|Apache-2\.0)\), "

    assert re.match(version_and_licence, listed(table).source)
