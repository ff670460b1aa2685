#!/usr/bin/env -S python3 -I -S
"""Stands for az, docker, gh and whatever else a script calls: records the call and answers from a scenario.

The runner links it under each name. STUB_FOLDER has scenario.json, a list of answers:

    {"run": regular expression on the whole command, "out": text or JSON, "err": text, "code": 0,
     "if": [flags], "unless": [flags], "times": how often, "set": [flags], "kill": signal to all that the test started}

The first answer that fits is given. A call that none fits is an error: exit code 97, and the runner fails.
"""

import json
import os
import re
import shlex
import stat
import sys
from pathlib import Path

folder = Path(os.environ["STUB_FOLDER"])
name = Path(sys.argv[0]).name.removeprefix("stub-")
arguments = sys.argv[1:]
line = shlex.join([name, *arguments])
notes = []


def option(flag: str) -> str | None:
    """The value after a flag."""
    return arguments[arguments.index(flag) + 1] if flag in arguments else None


def keep_secret(text: str) -> None:
    """The runner looks for it in everything that was recorded and printed."""
    with (folder / "secrets.txt").open("a", encoding="utf-8") as file:
        file.write(text + "\n")


# Files that hold secrets or questions: note what matters of them.
secret = option("--file")
if name == "az" and arguments[:3] == ["keyvault", "secret", "set"] and secret:
    path = Path(secret)
    text = path.read_text(encoding="utf-8")
    keep_secret(text)
    kind = "hex" if re.fullmatch("[0-9a-f]+", text) else "text"
    notes.append(f"mode {stat.S_IMODE(path.stat().st_mode):o}, {len(text)} characters of {kind}")
body = option("--body") or ""
if body.startswith("@"):
    question = json.loads(Path(body[1:]).read_text(encoding="utf-8"))
    if "ContainerAppConsoleLogs" in question.get("query", ""):
        notes.append(question["query"])
    elif "query" in question:
        asked = re.findall('alert = "(.*?)"', question["query"])
        servers = re.search('startswith "(.*?)"', question["query"])
        notes.append(f"{len(asked)} alerts of servers {servers[1]}*")
        (folder / "question.kql").write_text(question["query"], encoding="utf-8")
    else:
        notes.append(json.dumps(question))
start = option("--yaml")
if name == "az" and start:
    notes.append(json.dumps(json.loads(Path(start).read_text(encoding="utf-8"))))
given = option("--input")
if given and name == "gh":
    notes.append(json.dumps(json.loads(sys.stdin.read() if given == "-" else Path(given).read_text(encoding="utf-8"))))
if name == "smoke-python":
    token = Path(option("--token-file"))
    keep_secret(token.read_text(encoding="utf-8").strip())
    notes.append(f"token of mode {stat.S_IMODE(token.stat().st_mode):o}")
if name == "az" and arguments[:1] == ["bicep"]:
    # An agent's own compiler would be taken otherwise, and a parameter file without its variables is refused.
    notes.append(f"from the path: {os.environ.get('AZURE_BICEP_USE_BINARY_FROM_PATH')}")
    if arguments[1] == "build-params":
        wanted = re.findall(r"readEnvironmentVariable\('(\w+)'\)", Path(option("--file")).read_text(encoding="utf-8"))
        missing = sorted({one for one in wanted if not os.environ.get(one)})
        notes.append(f"without {', '.join(missing) or 'nothing'}")
metadata = option("--metadata-file")
if name == "docker" and metadata:
    Path(metadata).write_text(json.dumps({"containerimage.digest": "sha256:" + "c0ffee00" * 8}), encoding="utf-8")

written = option("--output") or ""
if name == "docker" and arguments[:1] == ["run"] and written.startswith("/scan/"):
    mounted = next(word.split(":")[0] for word in arguments if word.endswith(":/scan"))
    Path(mounted, written.removeprefix("/scan/")).write_text("{}", encoding="utf-8")

if name == "curl" and written:
    Path(written).write_text("not what was asked for", encoding="utf-8")

with (folder / "calls.jsonl").open("a", encoding="utf-8") as file:
    file.write(json.dumps({"argv": [name, *arguments], "notes": notes}) + "\n")

state_file = folder / "state.json"
state = json.loads(state_file.read_text()) if state_file.exists() else {"flags": [], "given": {}}
for number, answer in enumerate(json.loads((folder / "scenario.json").read_text())):
    given_before = state["given"].get(str(number), 0)
    if not re.search(answer["run"], line) or given_before >= answer.get("times", 1_000_000):
        continue
    if not set(answer.get("if", [])) <= set(state["flags"]) or set(answer.get("unless", [])) & set(state["flags"]):
        continue
    state["given"][str(number)] = given_before + 1
    state["flags"] = sorted({*state["flags"], *answer.get("set", [])})
    state_file.write_text(json.dumps(state))
    out = answer.get("out", "")
    sys.stdout.write(out if isinstance(out, str) else json.dumps(out))
    sys.stderr.write(answer.get("err", ""))
    if "kill" in answer:
        os.killpg(0, answer["kill"])
    sys.exit(answer.get("code", 0))
with (folder / "unanswered.txt").open("a", encoding="utf-8") as file:
    file.write(line + "\n")
sys.stderr.write(f"stub: no answer for: {line}\n")
sys.exit(97)
