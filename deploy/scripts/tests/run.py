#!/usr/bin/env python3
"""Tests of deploy/scripts and of the pipelines that call them, without Azure: commands are replaced by stub.py, and the
recorded sequence is compared with expected/NAME.txt.

    run.py [--only PART_OF_A_NAME] [--update] [--az PATH] [--list]

--update  writes expected/ anew; read the difference before you keep it
--az      also has a real Azure CLI (signed in nowhere) read every recorded `az` command: it knows each option's name

Needs bash, jq, git and Python 3.10; the tests of the pipelines need PyYAML. Prints `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import deploy_cases  # noqa: E402
import environment_cases  # noqa: E402
import first_cases  # noqa: E402
import pipeline_cases  # noqa: E402
import publish_cases  # noqa: E402
import release_cases  # noqa: E402
import setup_cases  # noqa: E402
import template_cases  # noqa: E402
import text_cases  # noqa: E402
from bench import ROOT, Bench  # noqa: E402

MODULES = [
    deploy_cases,
    first_cases,
    setup_cases,
    environment_cases,
    template_cases,
    release_cases,
    pipeline_cases,
    publish_cases,
    text_cases,
]


def cases() -> list[tuple[str, Callable[[Bench], None]]]:
    found = []
    for module in MODULES:
        for name, function in vars(module).items():
            if name.startswith("test_"):
                found.append((name.removeprefix("test_"), function))
    return found


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--update", action="store_true")
    arguments.add_argument("--az", type=Path)
    arguments.add_argument("--list", action="store_true")
    options = arguments.parse_args()
    chosen = [(name, function) for name, function in cases() if options.only in name]
    if options.list:
        print("\n".join(name for name, _ in chosen))
        return 0
    missing = [tool for tool in ["bash", "jq", "git"] if shutil.which(tool) is None]
    if missing:
        sys.exit(f"missing on this machine: {', '.join(missing)}")

    failed = []
    commands: set[tuple[str, ...]] = set()

    def run(case: tuple[str, Callable[[Bench], None]]) -> tuple[str, str | None, set[tuple[str, ...]]]:
        """Runs one test: its name, what was wrong, and the Azure commands it recorded."""
        name, function = case
        with tempfile.TemporaryDirectory(prefix="retail-mcp-test-") as folder:
            bench = Bench(name, Path(folder), update=options.update)
            try:
                function(bench)
            except AssertionError as error:
                problem = str(error)
            except Exception:  # a broken test must not hide the others
                problem = traceback.format_exc()
            else:
                problem = None
            asked = {
                tuple(bench.tidy(word) for word in call["argv"]) for call in bench.all_calls if call["argv"][0] == "az"
            }
        return name, problem, asked

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for name, problem, asked in pool.map(run, chosen):
            commands |= asked
            if problem is None:
                print(f"ok   {name}", flush=True)
            else:
                failed.append(name)
                print(f"FAIL {name}\n{problem}\n", flush=True)
    passed = len(chosen) - len(failed)
    if options.az:
        refused = refused_by(options.az, sorted(commands))
        passed += len(commands) - len(refused)
        failed += refused
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not chosen else 0


def refused_by(az: Path, commands: list[tuple[str, ...]]) -> list[str]:
    """The commands that a real Azure CLI does not understand. It reads them before it sees that nobody is signed in."""
    refused = []
    with tempfile.TemporaryDirectory(prefix="retail-mcp-az-") as folder:
        environment = {**os.environ, "AZURE_CONFIG_DIR": folder, "AZURE_CORE_COLLECT_TELEMETRY": "0"}
        for command in commands:
            # Files that the script had are gone; what is in them is not the command's grammar.
            file = Path(folder, "some.json")
            file.write_text("{}", encoding="utf-8")
            words = [
                re.sub(r"\$WORK/\w+(\.\w+)?", str(file), word).replace("$ROOT", str(ROOT)) for word in command[1:]
            ]
            ran = subprocess.run(
                [az, *words], env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
            )
            # It asks who is signed in; the network, to sign somebody in; Docker, to sign it in to a registry. A job that it
            # may not see it says is not there.
            if not re.search("az login|Failed to resolve|DOCKER_COMMAND_ERROR|job '.*' does not exist", ran.stderr):
                refused.append(" ".join(command))
                print(f"FAIL az {' '.join(words)}\n{ran.stderr}")
    return refused


if __name__ == "__main__":
    sys.exit(main())
