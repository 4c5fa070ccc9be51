"""How the published figures of this folder fare: against the specs of the catalogue, or against the models themselves.

    python tests/published
    python tests/published --models pytorchcv --sample 40
    python tests/published --models timm --all
    python tests/published --models torchvision resnet50 swin_t

The models are exported by PyTorch (tests/oracle/requirements.txt) into a folder that is thrown away, or into --keep
FOLDER, where those that lie there are not exported again. The exit code is 1 if a figure is neither met nor an erratum;
one of which archcalc has none, because it does not know an operation, is refused, and no failure.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from published.lists import TABLES, against_catalogue, listed
from published.tally import HEAD, Tally, tally


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="with --models: these of its models")
    parser.add_argument("--models", metavar="TABLE", help="compare exported models of torchvision, pytorchcv or timm")
    parser.add_argument("--sample", type=int, default=20, metavar="N", help="with --models: so many, evenly spread")
    parser.add_argument("--all", action="store_true", help="with --models: all of the table")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="with --models: where the exported models stay")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.models is None:
            tallies = [tally(table, against_catalogue(table), Path(folder)) for table in TABLES]
        else:
            from published.models import chosen, compared

            names = given.names or chosen(given.models, None if given.all else given.sample)
            tallies = [compared(given.models, names, given.keep or Path(folder))]
    show(tallies)
    sys.exit(1 if any(each.failed for each in tallies) else 0)


def show(tallies: list[Tally]) -> None:
    """A line for each table, their sum, the same in a sentence, and where the tables are from."""
    rows = [each.row() for each in tallies]
    if len(rows) > 1:
        rows.append(("all", *(sum(int(row[i]) for row in rows) for i in range(1, len(HEAD)))))
    for row in (HEAD, *rows):
        print(f"{row[0]:<12}" + "".join(f"{each:>10,}" if isinstance(each, int) else f"{each:>10}" for each in row[1:]))
    met, errata, failed = (sum(getattr(each, word) for each in tallies) for word in ("met", "errata", "failed"))
    compared = f"{met + errata + failed:,} figures of {len(tallies)} author{'s' * (len(tallies) != 1)}"
    print(
        "",
        f"{compared}: {met:,} met, {errata:,} errata, {failed:,} failed",
        "",
        *(f"{each.table}: {listed(each.table).source}" for each in tallies),
        sep="\n",
    )
