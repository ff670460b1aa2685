"""What Compose makes of its files: services, networks and secrets, with all variables put in."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Service = dict[str, Any]


def seconds(duration: str) -> float:
    """`1m10s` as seconds."""
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([0-9.]+)(ms|h|m|s)", duration))


@dataclass(frozen=True)
class Project:
    """Compose files that belong together, as `docker compose` would read them."""

    root: Path
    files: tuple[str, ...]
    values: Path
    compose: str

    def command(self, *arguments: str) -> list[str]:
        files = [word for file in self.files for word in ("--file", str(self.root / file))]
        return [self.compose, *files, "--env-file", str(self.values), "--profile", "*", *arguments]

    def read(self) -> dict[str, Any]:
        ran = subprocess.run(
            self.command("config", "--format", "json"),
            # Nothing of what somebody has set here.
            env={"PATH": os.environ["PATH"], "HOME": "/"},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode != 0:
            raise SystemExit(f"Compose does not read {', '.join(self.files)}: {ran.stderr.strip()}")
        # It writes dollars as they stand in its files: twice.
        return json.loads(ran.stdout.replace("$$", "$"))


def in_order(services: dict[str, Service], wanted: list[str]) -> list[str]:
    """The wanted services and what they wait for, each after what it waits for."""
    order: list[str] = []

    def visit(name: str) -> None:
        for other in services[name].get("depends_on") or {}:
            visit(other)
        if name not in order:
            order.append(name)

    for name in wanted:
        visit(name)
    return order
