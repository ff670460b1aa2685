"""Runs a script with stubs on its PATH and compares what was recorded."""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SCRIPTS = ROOT / "deploy/scripts"

STUBS = ["az", "docker", "gh", "smoke-python", "rustup", "cargo", "curl", "mcp-publisher"]
# All that a script finds on its PATH besides the stubs: nothing here reaches a network or changes a machine.
REAL = [
    "awk",
    "basename",
    "openssl",
    "paste",
    "bash",
    "cat",
    "chmod",
    "cmp",
    "cp",
    "cut",
    "date",
    "dirname",
    "env",
    "find",
    "git",
    "grep",
    "gzip",
    "head",
    "jq",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "od",
    "rm",
    "sed",
    "sha256sum",
    "sort",
    "tail",
    "tar",
    "tr",
    "uname",
    "wc",
]
SECONDS = 120


class Bench:
    """One test's folder, with the stubs and what they recorded."""

    def __init__(self, name: str, folder: Path, *, update: bool) -> None:
        self.name = name
        self.folder = folder
        self.update = update
        self.path = folder / "bin"
        self.path.mkdir()
        (folder / "tmp").mkdir()
        for tool in REAL:
            real = shutil.which(tool)
            if real:
                (self.path / tool).symlink_to(real)
        # Not what the PATH has, which may be a wrapper that needs more.
        (self.path / "python3").symlink_to(Path(sys.executable).resolve())
        for tool in STUBS:
            (self.path / tool).symlink_to(HERE / "stub.py")
        # By far the most called, so without Python where it can be.
        (self.path / "sleep").symlink_to(HERE / "sleep.sh")
        (self.path / "stub-sleep").symlink_to(HERE / "stub.py")
        self.all_calls: list[dict] = []
        # What images say of the commit, which is another one tomorrow.
        said = subprocess.run(
            ["git", "-C", ROOT, "log", "-1", "--format=%H %ct %cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"],
            env={**os.environ, "TZ": "UTC"},
            capture_output=True,
            text=True,
            check=True,
        )
        self.commit = dict(zip(said.stdout.split(), ["$COMMIT", "$COMMIT_TIME", "$COMMIT_DATE"], strict=True))
        self.output = ""

    def without(self, tool: str) -> None:
        """Takes a tool from the PATH."""
        (self.path / tool).unlink()

    def world(self, answers: list[dict], *, keep_state: bool = False) -> None:
        """What the stubs answer from now on."""
        (self.folder / "scenario.json").write_text(json.dumps(answers), encoding="utf-8")
        if not keep_state:
            (self.folder / "state.json").unlink(missing_ok=True)

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": str(self.path),
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "STUB_FOLDER": str(self.folder),
            "SMOKE_PYTHON": "smoke-python",
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }

    def run(self, *command: str | Path, code: int = 0, stdin: str | None = None, **environment: str) -> str:
        """Runs a script of the folder to its end, and returns what it and its commands printed."""
        first, *rest = [str(word) for word in command]
        program = SCRIPTS / first if (SCRIPTS / first).is_file() else Path(first)
        self.start_recording()
        ran = subprocess.run(
            [str(program), *rest],
            cwd=ROOT,
            env=self.environment(**environment),
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            start_new_session=True,
        )
        self.stdout = ran.stdout
        self.output = ran.stdout + ran.stderr
        self.finish_recording()
        assert ran.returncode == code, f"exit code {ran.returncode}, expected {code}:\n{self.output}"
        return self.output

    def start_recording(self) -> None:
        for name in ["calls.jsonl", "unanswered.txt"]:
            (self.folder / name).unlink(missing_ok=True)
        self.calls: list[dict] = []

    def finish_recording(self) -> None:
        recorded = self.folder / "calls.jsonl"
        if recorded.exists():
            self.calls = [json.loads(line) for line in recorded.read_text(encoding="utf-8").splitlines()]
            self.all_calls += self.calls
        unanswered = self.folder / "unanswered.txt"
        assert not unanswered.exists(), f"the scenario has no answer for:\n{unanswered.read_text()}{self.output}"
        left = list((self.folder / "tmp").iterdir())
        assert not left, f"left behind: {left}"
        self.no_secret_shown()

    def no_secret_shown(self) -> None:
        """No secret was in an argument or in what was printed."""
        secrets = self.folder / "secrets.txt"
        if secrets.exists():
            shown = json.dumps(self.all_calls) + self.output
            for secret in filter(None, secrets.read_text(encoding="utf-8").splitlines()):
                assert secret not in shown, f"a secret of {len(secret)} characters was shown"

    def lines(self) -> list[str]:
        """The recorded calls as text, without what differs from run to run."""
        return [
            self.tidy(shlex.join(call["argv"])) + "".join(f"  # {note}" for note in call["notes"])
            for call in self.calls
        ]

    def tidy(self, text: str) -> str:
        for value, name in self.commit.items():
            text = text.replace(value, name)
        text = re.sub(rf"{re.escape(str(self.folder / 'tmp'))}/tmp\.\w+", "$WORK", text)
        text = text.replace(str(self.folder / "checkout"), str(ROOT))
        return text.replace(str(self.folder), "$HOME").replace(str(ROOT), "$ROOT")

    def expect_calls(self, name: str | None = None) -> None:
        """The recorded sequence is that of expected/NAME.txt."""
        name = name or self.name
        expected = HERE / "expected" / f"{name}.txt"
        text = "".join(f"{line}\n" for line in without_repetition(self.lines()))
        if self.update:
            expected.parent.mkdir(exist_ok=True)
            expected.write_text(text, encoding="utf-8")
            return
        assert expected.is_file(), f"{expected} is missing; the sequence was:\n{text}"
        wanted = expected.read_text(encoding="utf-8")
        difference = "\n".join(
            difflib.unified_diff(wanted.splitlines(), text.splitlines(), "expected", "recorded", lineterm="", n=2)
        )
        assert text == wanted, f"another sequence than {expected.name}:\n{difference}"

    def expect_nothing_changed(self) -> None:
        """Only questions were asked."""
        changed = [line for line in self.lines() if CHANGES.search(line)]
        assert not changed, "changed something:\n" + "\n".join(changed)


def without_repetition(lines: list[str]) -> list[str]:
    """The looks of watch.sh, three commands a minute, told once."""
    lines = [re.sub(r"--offset \d+m", "--offset …m", line) for line in lines]
    short: list[str] = []
    at = 0
    while at < len(lines):
        three, times = lines[at : at + 3], 1
        while three[0] == "sleep 60" and lines[at + 3 * times : at + 3 * times + 3] == three:
            times += 1
        if times == 1:
            short.append(lines[at])
            at += 1
        else:
            short += [*three, f"  # the last three, {times - 1} times more"]
            at += 3 * times
    return short


# Words of commands that change something.
CHANGES = re.compile(
    r"^az .*\b(create|update|set|add|remove|delete|start|activate|deactivate|register|purge|swap|import|install)\b"
    r"|^az rest --method (put|patch|delete)|^gh api --method (PUT|POST|PATCH|DELETE)|^gh variable set"
    r"|^docker .*(push|build )|^sleep"
)
