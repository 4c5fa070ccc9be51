"""The guide's sweeps through engines, run with the engines themselves: `.ci/run engines`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import archcalc
from archcalc.guide import pages

_FENCE = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = _FENCE.findall(pages()["howto/search-a-space"].text)
CELLS = {"edges[*]": ["zero", "identity", "conv1x1", "conv3x3", "pool3x3"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engines")


def test_the_guide_has_its_examples() -> None:
    for engine in ("pyarrow.parquet", "distributed", "joblib", "duckdb", "polars"):
        assert any(engine in example for example in EXAMPLES), engine


# In the page's order: what comes later reads the file that the first one writes.
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs_and_holds(number: int, folder: Path) -> None:
    script = folder / f"example{number}.py"
    script.write_text(EXAMPLES[number], encoding="utf-8")
    made = subprocess.run([sys.executable, script.name], cwd=folder, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr


def test_engines_give_what_one_process_gives(folder: Path) -> None:
    import joblib
    import polars
    import pyarrow
    from distributed import Client

    whole = pyarrow.Table.from_batches([archcalc.sweep("nas_bench_201", CELLS).record_batch()])
    numbers = range(1, 6)
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        by_dask = client.gather(client.map(_shard, numbers))
    by_joblib = joblib.Parallel(n_jobs=2)(joblib.delayed(_shard)(number) for number in numbers)
    for batches in (by_dask, by_joblib, archcalc.sweep_batches("nas_bench_201", CELLS, shards=5)):
        assert pyarrow.Table.from_batches(batches).equals(whole)
    assert polars.read_parquet(folder / "cells.parquet").to_arrow().num_rows == whole.num_rows


def _shard(number: int) -> object:
    return archcalc.sweep("nas_bench_201", CELLS, shard=(number, 5)).record_batch()


def test_the_command_writes_the_same_file(folder: Path) -> None:
    import polars

    values = "edges[*]=[zero, identity, conv1x1, conv3x3, pool3x3]"
    command = ["sweep", "nas_bench_201", "--over", values, "-o", "command.parquet"]
    subprocess.run([sys.executable, "-m", "archcalc", *command], cwd=folder, check=True)
    assert polars.read_parquet(folder / "command.parquet").equals(polars.read_parquet(folder / "cells.parquet"))
