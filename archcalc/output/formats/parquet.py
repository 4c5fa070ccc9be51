"""The rows of a report as Parquet, in which a data frame keeps its types; it needs pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output.layout import Report, plain_value, row_table

ENDINGS = (".parquet",)

#: So many rows are one row group.
_ROWS = 65_536


def render(report: Report) -> Iterator[bytes]:
    """A row group for every so many rows. UsageError without pyarrow, a table, or for a figure beyond 64 bits."""
    table = row_table(report)
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow: pip install 'archcalc[parquet]'") from None
    keys = [column.key for column in table.columns]
    rows = iter(table.rows)
    sink = _Sink()
    writer = None
    while (some := list(islice(rows, _ROWS))) or writer is None:
        columns = zip(*(map(plain_value, row) for row in some), strict=True) if some else ([] for _ in keys)
        values = dict(zip(keys, map(list, columns), strict=True))
        try:
            group = pyarrow.table(values, schema=None if writer is None else writer.schema)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, OverflowError):
            raise UsageError("a figure is beyond 64 bits, which Parquet cannot hold: write CSV") from None
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(sink, group.schema)
        writer.write_table(group)
        yield sink.taken()
    writer.close()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Where pyarrow writes, and from where the pieces are taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._length

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._length += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        """What was written since the last call."""
        made = b"".join(self._pieces)
        self._pieces.clear()
        return made
