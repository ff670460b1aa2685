"""Rules for what a build brings along, and for what the world sees of a release."""

from __future__ import annotations

import re
from collections.abc import Iterator

from findings import Finding, check
from pipelines import AZURE, jobs, runs, stages
from tree import Tree


def scripts(tree: Tree) -> Iterator[tuple[str, str, str]]:
    """The commands of each job of both services: file, name, text."""
    for path, name, job, _ in jobs(tree):
        yield path, name, runs(job)
    for stage, _, _, beside in stages(tree):
        for name, job in beside.items():
            yield AZURE, f"{stage}.{name}", "\n".join(str(step.get("bash", "")) for step in job.get("steps", []))


@check("pipelines build-only")
def build_only(tree: Tree) -> Iterator[Finding]:
    """What builds and tests nothing brings no Redis and no pooler: on a Mac there are none, and no release was made."""
    for path, name, text in scripts(tree):
        tests = re.search(r"cargo (test|nextest|llvm-cov|xtask ci)\b", text) is not None
        for all_of_it in re.findall(r"cargo xtask setup\b(?! --build)", text):
            if not tests:
                yield Finding(path, f"{name} tests nothing and wants `{all_of_it}`", "cargo xtask setup --build")
        if tests and "cargo xtask setup --build" in text:
            yield Finding(path, f"{name} tests without what the tests need", "cargo xtask setup")
