"""Print the lower bounds of pyproject.toml as exact pins (``make lowest`` installs and tests them)."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
for requirement in project["dependencies"]:
    if ">=" not in requirement:
        sys.exit(f"no lower bound: {requirement}")
    print(requirement.replace(">=", "=="))
