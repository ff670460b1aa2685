#!/usr/bin/env python3
"""Checks all deployment files: by the tools that read them, and by rules for what no tool sees.

    main.py [--only NAME]... [--prove] [--root DIR] [--list]

--only   a check, or a subject such as kubernetes; a name without its subject will do
--prove  breaks a copy of the files in each way of the tables tests/broken, and wants the check that is named there to
         find it: a check that finds nothing is worth nothing
--root   another repository than this one
--list   names all checks

Prints a line for each check, and each finding with its file and what to do. A check for which this machine lacks
something is skipped, and says so; where CI is true, that is a failure. Needs requirements.txt.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import agreement  # noqa: F401
import azure_foundation  # noqa: F401
import compose_production  # noqa: F401
import findings
import image  # noqa: F401
import kubernetes_numbers  # noqa: F401
import kubernetes_references  # noqa: F401
import network  # noqa: F401
import pipelines  # noqa: F401
import pipelines_release  # noqa: F401
import services  # noqa: F401
import validators  # noqa: F401
from findings import CHECKS, CannotCheck, Skipped
from tree import Tree

ROOT = Path(__file__).resolve().parents[2]
#: In this order they run.
SUBJECTS = [
    "image",
    "compose",
    "proxy",
    "telemetry",
    "kubernetes",
    "azure",
    "pipelines",
    "everywhere",
    "text",
    "scripts",
]
SLOW = "scripts tests"


def outcome(tree: Tree, name: str) -> tuple[str, list[str]]:
    """What became of a check: ok, FAIL or skip, and what there is to say."""
    try:
        found = [str(finding) for finding in CHECKS[name](tree)]
    except Skipped as why:
        return ("FAIL" if why.fails else "skip"), [str(why)]
    except CannotCheck as why:
        return "FAIL", [f"cannot be checked: {why}"]
    except Exception:  # A rule that breaks must not hide the others.
        return "FAIL", [f"the check itself broke: {traceback.format_exc(limit=-3)}"]
    return ("FAIL" if found else "ok"), found


def check_all(tree: Tree, names: list[str]) -> int:
    count = {"ok": 0, "FAIL": 0, "skip": 0}
    with ThreadPoolExecutor(max_workers=2) as pool:
        # The slow one first, beside the others.
        begun = {name: pool.submit(outcome, tree, name) for name in sorted(names, key=lambda name: name != SLOW)}
        for name in names:
            word, said = begun[name].result()
            count[word] += 1
            print(f"{word:<4} {name}", flush=True)
            for line in said:
                print(f"     {line}", flush=True)
    if count["skip"]:
        print(f"{count['skip']} skipped: this machine has not what they need")
    print(f"{count['ok']} passed, {count['FAIL']} failed")
    return 1 if count["FAIL"] else 0


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", action="append", default=[], metavar="NAME")
    arguments.add_argument("--prove", action="store_true")
    arguments.add_argument("--root", type=Path, default=ROOT)
    arguments.add_argument("--list", action="store_true")
    options = arguments.parse_args()
    names = sorted(findings.chosen(options.only), key=lambda name: SUBJECTS.index(name.split(" ", 1)[0]))
    if options.list:
        print("\n".join(names))
        return 0
    if options.prove:
        import prove

        return prove.prove(options.root.resolve(), names)
    return check_all(Tree(options.root.resolve()), names)


if __name__ == "__main__":
    sys.exit(main())
