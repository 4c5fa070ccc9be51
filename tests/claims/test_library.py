"""The networks that claims are about, each analysed once."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline import analysed

from archcalc.claims.library import Library

SPEC = "input: [3, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 3}\n"


def test_an_analysis_that_was_made_elsewhere_is_not_made_again() -> None:
    analysis, library = analysed(SPEC), Library()
    library.add(analysis)
    assert library.analysis(analysis.network.document, {}) is analysis


def test_specs_of_the_catalogue_are_shared_and_files_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Library()
    one, two = Library(shared), Library(shared)
    assert one.named("lenet5", tmp_path) is two.named("lenet5", tmp_path)
    (tmp_path / "other.yaml").write_text(SPEC, "utf-8")
    before = one.named("other.yaml", tmp_path)
    (tmp_path / "other.yaml").write_text(SPEC.replace("out: 4", "out: 8"), "utf-8")
    assert two.named("other.yaml", tmp_path).layers[0].output != before.layers[0].output
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lenet5").write_text(SPEC, "utf-8")  # a file here comes before the catalogue
    assert len(two.named("lenet5", tmp_path).layers) == len(Library().named("lenet5", tmp_path).layers)
