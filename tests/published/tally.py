"""How the figures of a list fare with `archcalc check`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from published.lists import listed, write_configs

from archcalc.claims.verdict import ERRATUM, FAILED, MET
from archcalc.commands.check.run import Checked, check
from archcalc.commands.check.tables import findings_text
from archcalc.commands.check.targets import targets
from archcalc.records import Record

HEAD = ("table", "figures", "models", "compared", "met", "errata", "failed", "refused")


class Tally(Record):
    """How the figures of a table fared: `refused` are those of which there is no figure of ours, because the model or
    an operation in it is not known."""

    table: str
    met: int
    errata: int
    failed: int
    refused: int

    def row(self) -> tuple[str, int, int, int, int, int, int, int]:
        """In the order of `HEAD`, with how many figures and models the table has."""
        figures = listed(self.table).figures
        models, compared = len({each.spec for each in figures}), self.met + self.errata + self.failed
        return self.table, len(figures), models, compared, self.met, self.errata, self.failed, self.refused


def tally(table: str, text: str, folder: Path) -> Tally:
    """Check the text of a list in a folder; what fails or is refused is printed."""
    write_configs(folder)
    path = folder / f"{table}.yaml"
    path.write_text(text, encoding="utf-8")
    (found,) = check(targets([str(path)]))
    if found.findings:
        print(findings_text(Checked([found])), end="\n\n")
    fared = Counter("refused" if verdict.computed is None else verdict.verdict for verdict in found.verdicts)
    return Tally(table, fared[MET], fared[ERRATUM], fared[FAILED], fared["refused"])
