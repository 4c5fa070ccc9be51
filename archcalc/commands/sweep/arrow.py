"""A sweep's columns as an Arrow record batch, which data frames, databases and engines take as it is; needs pyarrow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output.layout import plain_value
from archcalc.quantities.registry import quantities


def record_batch(columns: Mapping[str, Any], over: Collection[str]) -> Any:
    """A record batch of columns, those named in `over` of parameters and the others of quantities.

    A column has the same type in every shard of a sweep: 64-bit integers, booleans, text, or 64-bit floats for decimals
    and for figures that can be fractions. UsageError without pyarrow, or for a figure beyond 64 bits.
    """
    try:
        import pyarrow
    except ImportError:
        raise UsageError("record batches need pyarrow: pip install 'archcalc[parquet]'") from None
    types = {"b": pyarrow.bool_(), "i": pyarrow.int64(), "f": pyarrow.float64(), "O": pyarrow.string()}
    arrays = []
    for name, column in columns.items():
        if name in over:
            kind = types[column.dtype.kind]
        else:
            kind = pyarrow.int64() if quantities()[name].whole else pyarrow.float64()
        values = map(plain_value, column.tolist()) if column.dtype == object else column
        try:
            arrays.append(pyarrow.array(values, type=kind))
        except (pyarrow.ArrowInvalid, OverflowError):
            raise UsageError(f"{name} is beyond 64 bits, which Arrow cannot hold") from None
    return pyarrow.RecordBatch.from_arrays(arrays, names=list(columns))
