"""Print every dependency of pyproject.toml, those of all extras too, in its lowest declared release: requirements."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"].values()
for requirement in sorted({*project["dependencies"], *(one for extra in extras for one in extra)}):
    declared = re.fullmatch(r"([\w.-]+)\s*>=\s*([\w.]+)", requirement)
    if declared is None:
        raise SystemExit(f"pyproject.toml: `{requirement}` does not declare its lowest release as NAME>=RELEASE")
    print(f"{declared[1]}=={declared[2]}")
