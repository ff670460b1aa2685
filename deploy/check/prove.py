"""Breaks a copy of the deployment files, one way at a time, and wants the check that is named for it to find that.

A table has entries of name, file (from the repository's root), find (there exactly once), replace, and caught_by: a
check, without its subject where that is the table's own. `rule:` before it says that it is ours, and no tool's.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from findings import CHECKS, CannotCheck, Skipped
from tree import SECRETS, Tree

#: The tables, and the subjects of what catches their entries.
TABLES = {
    "deploy/compose/tests/broken.yaml": ["image", "compose", "proxy", "telemetry"],
    "deploy/kubernetes/tests/broken.yaml": ["kubernetes"],
    "deploy/azure/tests/broken.yaml": ["azure"],
    "deploy/scripts/tests/broken.yaml": ["pipelines"],
    "deploy/check/tests/broken.yaml": [],
}
#: It takes minutes, and is itself nothing but tests.
UNPROVED = {"scripts tests"}
FIELDS = {"name", "file", "find", "replace", "caught_by"}
#: What rules and tools read; nothing of it but these is broken, so the rest of the repository is not copied.
COPIED = [
    "deploy",
    "docs",
    ".github",
    ".ci",
    "*.yaml",
    "*.yml",
    "Dockerfile",
    ".dockerignore",
    "Cargo.toml",
    "server.json",
]
LINKED = ["crates"]
WORKERS = 2
#: What a check may say of files that are good.
GOOD = {"nothing", "skipped"}


@dataclass(frozen=True)
class Mutation:
    """A way to break one file."""

    name: str
    file: str
    find: str
    replace: str
    check: str


def mutations(tree: Tree) -> Iterator[Mutation]:
    for table, subjects in TABLES.items():
        seen = set()
        for entry in tree.yaml(table):
            assert entry.keys() == FIELDS and entry["name"] not in seen, f"{table}: {entry['name']}"
            seen.add(entry["name"])
            caught_by = entry["caught_by"].removeprefix("rule:")
            matching = [
                name for name in (caught_by, *(f"{subject} {caught_by}" for subject in subjects)) if name in CHECKS
            ]
            if len(matching) != 1:
                raise SystemExit(f"{table}: {entry['name']}: {caught_by} is {matching or 'no check'}")
            yield Mutation(entry["name"], entry["file"], entry["find"], entry["replace"], matching[0])


def copy(home: Path, folder: Path) -> Tree:
    """The deployment files of a repository, with nothing that is secret."""
    leave_out = {home / SECRETS}
    for pattern in COPIED:
        for path in home.glob(pattern):
            target = folder / path.name
            if path.is_dir():
                shutil.copytree(
                    path,
                    target,
                    ignore=lambda inside, names: (
                        {name for name in names if Path(inside, name) in leave_out}
                        | {name for name in names if name == "__pycache__" or name.startswith(".venv")}
                    ),
                )
            else:
                shutil.copy(path, target)
    for name in LINKED:
        (folder / name).symlink_to(home / name)
    return Tree(folder, home)


_tree: Tree | None = None


def start(home: str, scratch: str) -> None:
    """Gives a worker its own copy."""
    global _tree
    _tree = copy(Path(home), Path(tempfile.mkdtemp(dir=scratch)))


def finds(check: str) -> str:
    """`found`, `nothing`, `skipped`, or why the check could not look."""
    assert _tree is not None
    try:
        # The first finding will do.
        return "nothing" if next(CHECKS[check](_tree), None) is None else "found"
    except Skipped as why:
        return f"cannot look: {why}" if why.fails else "skipped"
    except CannotCheck as why:
        return f"cannot look: {why}"
    except Exception as problem:  # Not a finding: the rule broke.
        return f"broke: {type(problem).__name__}: {problem}"


def attempt(mutation: Mutation) -> tuple[str, float]:
    """Breaks the file, looks, and puts it back."""
    assert _tree is not None
    began, path = time.monotonic(), _tree.root / mutation.file
    assert path.resolve().is_relative_to(_tree.root.resolve()), f"{path} is not of the copy"
    good = path.read_text(encoding="utf-8")
    if good.count(mutation.find) != 1:
        return f"its text is there {good.count(mutation.find)} times", 0
    path.write_text(good.replace(mutation.find, mutation.replace), encoding="utf-8")
    try:
        return finds(mutation.check), time.monotonic() - began
    finally:
        path.write_text(good, encoding="utf-8")


def prove(home: Path, names: list[str]) -> int:
    """Prints what was not caught. The exit code is 1 where there is such a thing."""
    all_of = [mutation for mutation in mutations(Tree(home)) if mutation.check in names]
    used = sorted({mutation.check for mutation in all_of})
    failed = [f"{name}: no table breaks what it looks at" for name in names if name not in {*used, *UNPROVED}]
    times: dict[str, float] = {}
    caught = 0
    with (
        tempfile.TemporaryDirectory(prefix="retail-mcp-prove-") as scratch,
        ProcessPoolExecutor(WORKERS, initializer=start, initargs=(str(home), scratch)) as pool,
    ):
        # What is found in files that are good is no proof.
        before = dict(zip(used, pool.map(finds, used), strict=True))
        failed += [f"{name}, with nothing broken: {said}" for name, said in before.items() if said not in GOOD]
        tried = [mutation for mutation in all_of if before[mutation.check] != "skipped"]
        for mutation, (said, took) in zip(tried, pool.map(attempt, tried), strict=True):
            times[mutation.check] = times.get(mutation.check, 0) + took
            if said == "found":
                caught += 1
            else:
                failed.append(f"{mutation.file}: {mutation.name}: {mutation.check} says: {said}")
    for line in failed:
        print(f"FAIL {line}")
    for name, said in before.items():
        if said == "skipped":
            left_out = sum(mutation.check == name for mutation in all_of)
            print(f"skip {name}: this machine has not what it needs; {left_out} ways to break it were not tried")
    slowest = sorted(times.items(), key=lambda item: -item[1])[:5]
    print("slowest: " + ", ".join(f"{name} {took:.1f} s" for name, took in slowest))
    print(f"{caught} passed, {len(failed)} failed")
    return 1 if failed else 0
