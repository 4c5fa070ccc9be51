"""The JSON inside a ZIP archive, read with bounds: an archive says nothing true about its own size."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archcalc.diagnostics.diagnostic import UsageError, fail

#: Bytes of JSON; the largest of torchvision's classifiers has 3 MB.
MAX_JSON = 64_000_000
#: Members of an archive: an export with weights has two or three and one for each parameter.
MAX_MEMBERS = 500_000


def read_json(path: Path, shown: str, wanted: Callable[[str], bool], written: str) -> Any:
    """The JSON in the one member of an archive whose name is wanted; `written` says how such a file is written.

    UsageError if the file cannot be read; SpecError if it is no such archive, or larger than any.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if wanted(info.filename)]
            if len(archive.infolist()) > MAX_MEMBERS:
                raise fail("bad-archive", f"{shown} has more than {MAX_MEMBERS:,} members")
            if len(members) != 1:
                many = f"{len(members)} models" if members else "no model"
                raise fail("bad-archive", f"{shown} has {many} inside, and one is read", help=written)
            with archive.open(members[0]) as file:
                data = file.read(MAX_JSON + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise fail("bad-archive", f"{shown} cannot be read as an archive: {error}", help=written) from None
    except OSError as error:
        raise UsageError(f"cannot read {shown}: {error.strerror or error}") from None
    if len(data) > MAX_JSON:
        raise fail("too-large", f"the model in {shown} is larger than {MAX_JSON:,} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        reason = "it nests too deep" if isinstance(error, RecursionError) else str(error)
        raise fail("bad-archive", f"the model in {shown} is not JSON: {reason}", help=written) from None
