"""What all checks have in common: a name, what they find, and what is said when they cannot run here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree import Tree


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: in which file (from the repository's root), what it is, and what to do."""

    file: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}. Fix: {self.fix}"


class Skipped(Exception):
    """A check that cannot run on this machine, and why. CI must have what is `needed`: there it is a failure."""

    def __init__(self, why: str, *, needed: bool) -> None:
        super().__init__(why)
        self.fails = needed and (os.environ.get("CI") == "true" or "TF_BUILD" in os.environ)


class CannotCheck(Exception):
    """Something that must be there before a rule can be looked at is not: fails, and is no finding of that rule."""


Rule = Callable[["Tree"], Iterator[Finding]]
#: By name: the subject, and what of it is looked at. In the order in which they run.
CHECKS: dict[str, Rule] = {}


def check(name: str) -> Callable[[Rule], Rule]:
    """Registers a rule. Its docstring says why it is there."""

    def register(rule: Rule) -> Rule:
        assert name not in CHECKS and rule.__doc__, name
        CHECKS[name] = rule
        return rule

    return register


def chosen(names: list[str]) -> list[str]:
    """The checks of a subject, or of a full name, or of a name without its subject; all for no names."""
    found = []
    for name in names:
        matching = [one for one in CHECKS if name in (one, one.split(" ", 1)[0], one.split(" ", 1)[1])]
        if not matching:
            raise SystemExit(f"there is no check {name!r}; they are:\n  " + "\n  ".join(CHECKS))
        found += [one for one in matching if one not in found]
    return found or list(CHECKS)
