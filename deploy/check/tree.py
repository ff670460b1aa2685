"""The files that are checked: the repository, or a copy of it that was broken on purpose."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from findings import CannotCheck

#: Of secrets that somebody made here, nothing is read.
SECRETS = "deploy/compose/secrets"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_made: dict[tuple[str, str], Any] = {}


class Tree:
    """Files by their path from the root."""

    def __init__(self, root: Path, home: Path | None = None) -> None:
        self.root = root
        #: Where the repository is, for what lies beside it.
        self.home = home or root

    def read(self, path: str) -> str:
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise CannotCheck(f"{path} is missing") from None

    def yaml(self, path: str) -> Any:
        return yaml.load(self.read(path), LOADER)

    def paths(self, *patterns: str) -> list[str]:
        """Files that match a pattern such as `deploy/**/*.sh`, in the order of their names."""
        found = {
            path.relative_to(self.root).as_posix()
            for pattern in patterns
            for path in self.root.glob(pattern)
            if path.is_file()
        }
        return sorted(path for path in found if not path.startswith(SECRETS) and "__pycache__" not in path)

    def once(self, what: str, patterns: list[str], make: Callable[[], Any]) -> Any:
        """What was made before of files with the same contents, and else what `make` makes. Treat it as read-only."""
        digest = hashlib.sha256()
        for path in self.paths(*patterns):
            digest.update(path.encode() + b"\0" + (self.root / path).read_bytes() + b"\0")
        key = (what, digest.hexdigest())
        if key not in _made:
            _made[key] = make()
        return _made[key]


def documents(text: str) -> list[dict[str, Any]]:
    """The documents of a YAML text that are not empty."""
    return [document for document in yaml.load_all(text, LOADER) if document]


def seconds(text: str) -> float:
    """A time such as `20s`, `1m`, `500ms` or `1m30s`."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    parts = re.findall(r"([\d.]+)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise CannotCheck(f"{text!r} is no time")
    return sum(float(number) * units[unit] for number, unit in parts)
