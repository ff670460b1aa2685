"""How other programs are found and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from findings import CannotCheck, Skipped
from tree import Tree

#: Programs of requirements.txt: in a virtual environment beside its Python, and else in `bin` beside the packages.
PATH = os.pathsep.join(
    [str(Path(sys.executable).parent), str(Path(yaml.__file__).parents[1] / "bin"), os.environ.get("PATH", "")]
)


def tool(name: str) -> str:
    """A tool of requirements.txt, beside this Python."""
    found = shutil.which(name, path=PATH)
    if found is None:
        raise CannotCheck(f"{name} is missing: pip install --require-hashes -r deploy/check/requirements.txt")
    return found


def machines(name: str) -> str:
    """A tool that pip does not have."""
    # Where Debian has servers' programs.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise Skipped(f"{name} is not on this machine", needed=True)
    return found


def run(tree: Tree, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    # actionlint asks shellcheck.
    environment = {**os.environ, "PATH": PATH, "NO_COLOR": "1"}
    # Nothing is left in the folders that are checked.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return subprocess.run(
        command, cwd=folder or tree.root, env=environment, capture_output=True, text=True, check=False
    )


def last_lines(ran: subprocess.CompletedProcess[str], most: int = 6) -> str:
    return " | ".join(line.strip() for line in (ran.stdout + ran.stderr).strip().splitlines()[-most:])
